import { setTimeout as elapse } from 'node:timers/promises';
import type { CheckStatus } from '../../shared/control/check-status.ts';
import type { ViewStatus } from '../../shared/control/status.ts';
import { withWhy } from '../arguments.ts';
import { ask, command } from '../ask.ts';
import { CommandError, EXIT, type ExitCode, UsageError } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import type { Installation } from '../installation.ts';
import { formatCount } from '../output/amounts.ts';
import { printOutcome } from '../output/outcome.ts';
import { print, printJson } from '../output/print.ts';
import { badge, oneLine } from '../output/text.ts';

const POLL_MS = 1000;
/** States of a view in which no check begins or goes on. */
const OBSTACLES: ReadonlySet<ViewStatus['state']> = new Set(['halted', 'paused', 'over budget']);

export default defineCommand({
  command: 'reconcile [view]',
  describe: 'Compare both sides; repair what differs',
  examples: [
    ['reconcile', 'compare every view'],
    ['reconcile pmr_project --repair --wait', 'repair what differs, and say what was found'],
    ['reconcile pmr_project --dry-run', 'what a comparison would read'],
  ],
  builder: (parser) =>
    withWhy(
      parser
        .positional('view', { type: 'string' })
        .option('repair', { type: 'boolean', describe: 'Repair what differs; --no-repair only reports it' })
        .option('keys', { type: 'boolean', describe: 'Compare keys alone' })
        .option('days', {
          type: 'number',
          requiresArg: true,
          describe: 'Only rows that changed within so many days',
        })
        .option('wait', {
          type: 'boolean',
          default: false,
          describe: 'Wait for the end; exit code 3 if rows differ',
        })
        .option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Say what it would read; change nothing',
        })
        .conflicts('days', 'keys')
        .check(({ view, wait, 'dry-run': dryRun }) => {
          if (view === undefined && (wait || dryRun))
            throw new UsageError('--wait and --dry-run need a view.');
          return true;
        }),
    ),
  run: async ({ view, repair, keys, days, wait, dryRun, why, json }, installation) => {
    const options = { ...(keys && { mode: 'keys' }), since: days, repair };
    if (view !== undefined && (dryRun || wait)) {
      const { lastCheck, runningCheck } = await statusOf(installation, view);
      if (dryRun) {
        return printOutcome(await installation.call('reconcile', { view, ...options, dryRun: true }), json);
      }
      if (runningCheck !== null) {
        throw new CommandError(
          `Check ${runningCheck.check} of ${view} is running, so that no other one begins.`,
          {
            advice: `Wait for its end, which datahub status ${view} shows, and try again.`,
          },
        );
      }
      const answer = await command<{ outcome: string }>(
        installation,
        { view, reconcile: true, ...options },
        why,
      );
      if (answer.outcome === 'skipped') return printOutcome(answer, json);
      return printCheck(await endOf(installation, view, lastCheck), json);
    }
    return printOutcome(await command(installation, { view, reconcile: true, ...options }, why), json);
  },
});

/** Waits for a check that ends after the last one that is known. */
async function endOf(
  installation: Installation,
  view: string,
  before: CheckStatus | null,
): Promise<CheckStatus> {
  for (;;) {
    const { lastCheck, state, haltedReason, resyncRequested } = await statusOf(installation, view);
    if (lastCheck !== null && lastCheck.check !== before?.check) return lastCheck;
    const obstacle = OBSTACLES.has(state) ? state : resyncRequested ? 'to be resynced' : null;
    if (obstacle !== null) {
      throw new CommandError(`View ${view} is ${obstacle}: its check does not go on.`, {
        ...(haltedReason !== null && { advice: haltedReason }),
      });
    }
    await elapse(POLL_MS);
  }
}

async function statusOf(installation: Installation, view: string): Promise<ViewStatus> {
  const { views } = await ask<{ views: ViewStatus[] }>(installation, { status: true, view });
  const [status] = views;
  if (status === undefined) throw new CommandError(`View ${view} was forgotten meanwhile.`);
  return status;
}

function printCheck(check: CheckStatus, json: boolean): ExitCode {
  const { isConsistent, missing, extra, different, duplicates, repaired, classes, why } = check;
  const exitCode = isConsistent === null ? EXIT.failed : isConsistent ? EXIT.done : EXIT.needsAttention;
  if (json) {
    printJson(check);
    return exitCode;
  }
  const found = BigInt(missing) + BigInt(extra) + BigInt(different) + BigInt(duplicates);
  const reasons = Object.entries(classes).map(([name, count]) => `${name} ${count}`);
  const state =
    isConsistent === null
      ? badge('warning', 'no answer')
      : badge(isConsistent ? 'good' : 'bad', isConsistent ? 'both sides are equal' : 'they differ');
  print([
    `${state}: check ${check.check} found ${formatCount(found, 'row', 'rows')} that differed (missing ${missing}, extra ${extra}, different ${different}, duplicates ${duplicates}), ${formatCount(repaired, 'row', 'rows')} repaired`,
    ...(reasons.length === 0 ? [] : [`  ${oneLine(reasons.join(', '))}`]),
    ...(why === null ? [] : [`  ${oneLine(why)}`]),
  ]);
  return exitCode;
}
