import { describe, expect, it } from 'vitest';
import { supervise } from './supervise.ts';

describe('supervise', () => {
  it('passes on what the body throws', async () => {
    await expect(supervise(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('does not wait for ever', async () => {
    await expect(supervise(() => new Promise(() => undefined), 10)).rejects.toThrow(
      'the test was not done after 0.01 s',
    );
  });

  it('leaves no listener', async () => {
    const before = process.listenerCount('unhandledRejection');
    await supervise(() => Promise.resolve());
    expect(process.listenerCount('unhandledRejection')).toBe(before);
  });
});
