/** What the guest's init calls: `node start.js OUT [ONLY]`. */
import { join } from 'node:path';
import { runInside } from './inside.ts';

const [out = '/out', only = ''] = process.argv.slice(2);
await runInside(join(import.meta.dirname, '../..'), out, only);
