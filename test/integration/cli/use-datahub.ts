import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimDataFolder } from '../../local/data-folder.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import type { Stack } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { type Ran, runDatahub } from './run-datahub.ts';

type Datahub = {
  on: Installation;
  stack: Stack;
  functions: RunningFunctions;
  /** Runs a command on the installation, whose addresses stand in a data folder as those of `npm start` do. */
  run: (...args: string[]) => Promise<Ran>;
  /** The same with an answer as JSON. */
  json: (...args: string[]) => Promise<{ code: number | null; answer: Record<string, unknown> }>;
};

/** One installation for the tests of a `describe`, whose functions `extract` and `reconcile` run in their own processes. */
export function useDatahub(): Datahub {
  const { on, stack } = useInstallation({
    per: 'file',
    views: [STREAMED_ENTRY],
    settings: { ROW_VALUES: 'true' },
  });
  let folder: string;
  let functions: RunningFunctions;
  let release: () => Promise<void>;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-cli-'));
    functions = await RunningFunctions.start(['extract', 'reconcile'], on.parts.env);
    const claim = await claimDataFolder(folder);
    release = claim.release;
    await claim.publish({
      functions: { extract: functions.urlOf('extract'), reconcile: functions.urlOf('reconcile') },
      sourceUrl: on.parts.env.SOURCE_DATABASE_URL ?? '',
      bigqueryUrl: stack.endpoints().BIGQUERY_EMULATOR_HOST ?? '',
      logFile: join(claim.path, 'functions.log'),
    });
  });
  after(async () => {
    await functions?.stop();
    await release?.();
    await rm(folder, { recursive: true, force: true });
  });
  const run = (...args: string[]): Promise<Ran> => runDatahub([...args, '--data', folder]);
  return {
    ...{ on, stack, run },
    get functions() {
      return functions;
    },
    json: async (...args) => {
      const { code, stdout, stderr } = await run(...args, '--json');
      if (stdout === '') throw new Error(`no answer: ${stderr}`);
      return { code, answer: JSON.parse(stdout) };
    },
  };
}
