import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { identityOf, isAlive, OWN_IDENTITY } from '../../emulators/process-identity.ts';

describe("a process's identity", () => {
  it('is the same as long as it runs, and fits the name of a file', () => {
    assert.equal(identityOf(process.pid), OWN_IDENTITY);
    assert.match(OWN_IDENTITY, /^[\w-]+$/);
    assert.ok(isAlive(OWN_IDENTITY));
  });

  it('is not that of another process that has got its id', () => {
    assert.equal(isAlive(`${process.pid}-long-ago`), false);
    assert.equal(isAlive(String(process.pid)), false);
  });

  it('ends with the process, collected or not', async () => {
    const child = spawn('sleep', ['1000']);
    const identity = identityOf(child.pid ?? 0) ?? '';
    assert.ok(isAlive(identity));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(isAlive(identity), false);

    // The shell's child ends; what the shell becomes does not collect it.
    const careless = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 1000']);
    const [output] = await once(careless.stdout, 'data');
    while (identityOf(Number(output)) !== undefined) await setImmediate();
    careless.kill('SIGKILL');
  });

  it('is of no process that does not exist', () => {
    assert.equal(identityOf(0), undefined);
    assert.equal(identityOf(Number.NaN), undefined);
    assert.equal(isAlive(''), false);
  });
});
