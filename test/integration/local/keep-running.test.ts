import assert from 'node:assert/strict';
import { identityOf, isAlive } from '../../emulators/process-identity.ts';
import { startChild } from '../../local/child.ts';
import { type KeptProgram, keepRunning } from '../../local/keep-running.ts';
import { until } from '../../support/until.ts';

describe('a program that npm start keeps running', () => {
  let kept: KeptProgram<Awaited<ReturnType<typeof startProgram>>> | undefined;
  let said: string[];

  beforeEach(() => {
    said = [];
  });

  afterEach(() => kept?.stop());

  const keep = async (start: typeof startProgram) => {
    kept = await keepRunning({ name: 'the program', start, say: (line) => said.push(line) });
    return kept;
  };

  it('is started again when it is killed, and says so', async () => {
    const pids: number[] = [];
    const { first } = await keep(async () => {
      const program = await startProgram();
      pids.push(program.process.announcement);
      return program;
    });
    process.kill(first.process.announcement, 'SIGKILL');
    await until(() => said.length === 2);

    assert.deepEqual(said, [
      'the program ended (SIGKILL)\n  It is started again in 250 ms.',
      'the program runs again',
    ]);
    const again = identityOf(pids[1] ?? 0) ?? '';
    assert.ok(pids[1] !== pids[0] && isAlive(again));
    await kept?.stop();
    assert.equal(isAlive(again), false);
  });

  it('is given up when it ends again and again, with its last words', async () => {
    const { failed } = await keep((first) => startProgram(first && '0'));
    process.kill(kept?.first.process.announcement ?? 0, 'SIGKILL');

    await assert.rejects(
      failed,
      /^Error: the program (ended|did not start) \(exit code 3\)\n {2}the last words of the program\nthe program has ended 5 times in a row, each time soon after its start\. It is not started again\.$/,
    );
    const delays = said.flatMap((line) => /started again in (.*)\.$/.exec(line)?.[1] ?? []);
    assert.deepEqual(delays, ['250 ms', '500 ms', '1.0 s', '2.0 s']);
  });

  it('can be stopped while it waits for its next start', async () => {
    await keep(startProgram);
    process.kill(kept?.first.process.announcement ?? 0, 'SIGKILL');
    await until(() => said.length === 1);
    await kept?.stop();
    assert.equal(said.length, 1);
  });
});

const startProgram = async (...args: unknown[]) => ({
  process: await startChild<number>({
    name: 'the program',
    program: new URL('ending-program.ts', import.meta.url),
    args: args.filter((arg) => typeof arg === 'string'),
    onLine: () => undefined,
  }),
});
