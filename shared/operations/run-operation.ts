import type { Operation, OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { acceptCost } from './accept-cost.ts';
import { audited } from './audited.ts';
import { changeLoadType } from './change-load-type.ts';
import { dryRun } from './dry-run.ts';
import { exportConfiguration } from './export-configuration.ts';
import { forget } from './forget.ts';
import { history } from './history.ts';
import { dryRunImport, importConfiguration } from './import-configuration.ts';
import { listFailures } from './list-failures.ts';
import { logFloor } from './log-floor.ts';
import { halt, pause, resume } from './pause-resume.ts';
import { preflight } from './preflight.ts';
import { purge } from './purge.ts';
import { queueKeys, recheck } from './queue-keys.ts';
import { reconcile } from './reconcile.ts';
import { redriveEvents, redriveView, resolve, resolveAll } from './redrive.ts';
import { auditRequest, changesSomething, type Requester } from './requester.ts';
import { resync } from './resync.ts';
import { readRow } from './row/read-row.ts';
import { runNow } from './run-now.ts';
import { status } from './status.ts';

/** The function of each operation, with its typed input and result. */
const OPERATIONS = {
  acceptCost,
  check: preflight,
  dryRun,
  dryRunImport,
  export: exportConfiguration,
  failures: listFailures,
  forget,
  halt,
  history,
  import: importConfiguration,
  keys: queueKeys,
  loadType: changeLoadType,
  logFloor,
  pause,
  purge,
  recheck,
  reconcile,
  redriveEvents,
  redriveView,
  resolve,
  resolveAll,
  resume,
  resync,
  row: readRow,
  run: runNow,
  status,
} satisfies { [Command in Operation['command']]: OperationFunction<Command> };

type OperationFunction<Command extends Operation['command']> = (
  operation: OperationOf<Command>,
  dependencies: Dependencies,
) => Promise<{ outcome: string }>;

type OperationResult<Command extends Operation['command']> = Awaited<
  ReturnType<(typeof OPERATIONS)[Command]>
>;

/**
 * Runs an operation, whether a message, a call by hand or a page asks for it, and records it in the audit if it changes something. Throws what
 * the operation throws, and what `audited` throws.
 */
export async function runOperation<Command extends Operation['command']>(
  operation: OperationOf<Command>,
  dependencies: Dependencies,
  requester: Requester,
): Promise<OperationResult<Command>> {
  const run = OPERATIONS[operation.command] as OperationFunction<Command>;
  const perform = () => run(operation, dependencies);
  const result = changesSomething(operation)
    ? await audited(await auditRequest(operation, requester, dependencies), dependencies, perform)
    : await perform();
  return result as OperationResult<Command>;
}
