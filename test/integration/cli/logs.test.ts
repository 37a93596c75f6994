import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLogFile } from '../../../cli/connection/local-logs.ts';
import type { LogRequest } from '../../../cli/installation.ts';
import { type LogFile, olderLogFile, openLogFile } from '../../local/log-file.ts';

const ALL: LogRequest = { view: undefined, level: 'INFO', since: new Date(0), limit: 50, follow: false };

describe('the log file of npm start', () => {
  let folder: string;
  let file: LogFile;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-logs-'));
    file = openLogFile(join(folder, 'functions.log'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const log = (message: string, fields: object = {}): void =>
    file.append(
      'extract',
      JSON.stringify({ severity: 'INFO', timestamp: new Date().toISOString(), message, ...fields }),
    );
  const read = async (request: Partial<LogRequest>): Promise<string[]> => {
    const messages: string[] = [];
    for await (const { message } of readLogFile(file.path, { ...ALL, ...request })) messages.push(message);
    return messages;
  };

  it('gives the newest lines of a view, of a level, since a time', async () => {
    log('old', { timestamp: '2020-01-01T00:00:00Z' });
    for (let i = 1; i <= 3; i += 1) log(`line ${i}`, { view: 'a b' });
    log('other', { view: 'other', severity: 'ERROR' });
    log('view freshness', { view: 'a b' });
    file.append('merge', 'Error: crashed');

    assert.deepEqual(await read({ limit: 2, view: 'a b' }), ['line 2', 'line 3']);
    assert.deepEqual(await read({ level: 'ERROR' }), ['other', 'Error: crashed']);
    assert.deepEqual((await read({ since: new Date(Date.now() - 60_000) }))[0], 'line 1');
    assert.ok((await read({ level: 'DEBUG' })).includes('view freshness'));
  });

  it('stays below its limit, with the older lines in a second file', async () => {
    const long = 'x'.repeat(1_000_000);
    for (let i = 1; i <= 20; i += 1) log(`line ${i}`, { long });

    for (const path of [file.path, olderLogFile(file.path)])
      assert.ok((await stat(path)).size <= 8_000_000, path);
    const lines = await read({});
    assert.equal(lines.at(-1), 'line 20');
    assert.ok(lines.length >= 8 && lines.length <= 14, `${lines.length} lines`);
  });

  it('is followed from one file to the next', async () => {
    log('before');
    const followed = readLogFile(file.path, { ...ALL, follow: true });
    const next = async () => (await followed.next()).value?.message;
    assert.equal(await next(), 'before');
    const waiting = next();
    log('after');
    assert.equal(await waiting, 'after');

    log('fills the file', { long: 'x'.repeat(7_999_000) });
    assert.equal(await next(), 'fills the file');
    const inNewFile = next();
    log('first of the new file', { long: 'x'.repeat(10_000) });
    assert.equal(await inNewFile, 'first of the new file');
    await followed.return(undefined);
  });
});
