import { expect, it } from 'vitest';
import { ERRNO } from '../abi/index.ts';
import { checkAttachTarget } from './index.ts';

const good = {
  expectedAttachType: 27,
  sleepable: false,
  gplCompatible: true,
  btfId: 77,
  type: { kind: 'func', name: 'bpf_lsm_file_open' },
  hook: { sleepable: false, disabled: false },
};

it('a good target', () => {
  expect(checkAttachTarget(good)).toBeUndefined();
  expect(checkAttachTarget({ ...good, expectedAttachType: 43 })).toBeUndefined();
});

/** Each row breaks what its message says and everything that Linux asks later, so the order is shown too. */
const all = { ...good, sleepable: true, gplCompatible: false, hook: undefined };
it.each([
  ['', { ...all, expectedAttachType: 26, btfId: 0 }],
  ['Tracing programs must provide btf_id', { ...all, btfId: 0, type: undefined }],
  ['attach_btf_id 77 is invalid', { ...all, type: undefined }],
  ['attach_btf_id 77 is not a function', { ...all, type: { kind: 'struct', name: 'file' } }],
  ['bpf_lsm_file_open is not sleepable', all],
  ['LSM programs must have a GPL compatible license', { ...all, sleepable: false }],
  [
    'attach_btf_id 77 points to disabled hook bpf_lsm_file_open',
    { ...good, hook: { sleepable: false, disabled: true } },
  ],
  ['attach_btf_id 77 points to wrong type name bpf_lsm_file_open', { ...good, hook: undefined }],
])('"%s"', (kernelMessage, target) => {
  expect(checkAttachTarget(target)).toEqual({
    insn: -1,
    rule: 'attach',
    kernelMessage,
    errno: ERRNO.EINVAL,
  });
});
