export { FormatError, type FormatErrorDetail } from './format-error.ts';
