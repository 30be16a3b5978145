export {
  expectEqual,
  ExpectationError,
  type AllowedExpectation,
  type DenialExpectation,
  type Expectations,
} from './expect.ts';
export { fileId } from './files.ts';
export { recordKernel, type Recording } from './recorder.ts';
export type { MapNotes, Volatile } from './recorder-bpf.ts';
export { formatDenial, type Denial } from './report.ts';
export { runTest, type BootedKernel, type TestHost, type TestReport } from './run.ts';
export {
  collectTests,
  policyTests,
  type Machine,
  type PolicyOptions,
  type PolicyTest,
  type PolicyTests,
  type TestBody,
  type TestContext,
  type TestFunction,
} from './suite.ts';
export {
  compareTranscripts,
  formatDifference,
  formatStep,
  type Difference,
  type Step,
  type Transcript,
} from './transcript.ts';
