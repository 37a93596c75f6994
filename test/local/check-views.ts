import { setTimeout as delay } from 'node:timers/promises';
import { askFunction, callFunction, isFailure } from './functions.ts';
import type { Step } from './progress.ts';

/** What `reconcile` found in one view. */
export interface ViewCheck {
  view: string;
  /** Rows that differed, whether they were repaired or not. */
  differences: number;
  repaired: number;
  /** The number of these rows by the reason why they differed. */
  classes: Record<string, number>;
  /** Whether both sides were equal at the end. */
  consistent: boolean;
  /** Why the check found no answer, or repaired nothing. */
  why: string | null;
}

const POLL_INTERVAL_MS = 200;
const STALLED_MS = 120_000;

/** The fields of a view's status that are read here. */
interface CheckStatus {
  view: string;
  lastCheck:
    | ({ isConsistent: boolean | null; classes: Record<string, number>; why: string | null } & Record<
        'missing' | 'extra' | 'different' | 'duplicates' | 'repaired',
        string
      >)
    | null;
  runningCheck: { partsDone: number | null; parts: number | null } | null;
}

/**
 * Asks `reconcile` to compare these views, which have not been checked before, and to repair what differs. Resolves when all checks have
 * ended. Throws if it refuses or if progress stalls.
 */
export async function checkViews(
  names: readonly string[],
  { extract, reconcile }: { extract: string; reconcile: string },
  signal: AbortSignal,
  step?: Step,
): Promise<ViewCheck[]> {
  const answer = await callFunction(reconcile, { repair: true });
  if (isFailure(answer)) throw new Error(`reconcile: ${answer.error.message}\n${answer.error.advice}`);
  let lastSeen = '';
  let changedAtMs = performance.now();
  for (;;) {
    const views = (await readStatus(extract)).filter(({ view }) => names.includes(view));
    const checks = views.flatMap(checkOf);
    step?.update({
      done: checks.length,
      total: names.length,
      unit: 'views',
      isUneven: true,
      ...partOf(views),
    });
    if (checks.length === names.length) return checks;
    const seen = JSON.stringify(views.map(({ lastCheck, runningCheck }) => [lastCheck, runningCheck]));
    if (seen !== lastSeen) changedAtMs = performance.now();
    lastSeen = seen;
    if (performance.now() - changedAtMs > STALLED_MS) {
      throw new Error(`No check has made progress for ${STALLED_MS / 1000} seconds:\n  ${seen}`);
    }
    await delay(POLL_INTERVAL_MS, undefined, { signal });
  }
}

/** How far the check of one of the views is. */
function partOf(views: CheckStatus[]): { detail?: string } {
  for (const { view, runningCheck } of views) {
    const { parts = null, partsDone = null } = runningCheck ?? {};
    if (parts !== null && parts > 1) return { detail: `${view} part ${partsDone ?? 0} of ${parts}` };
  }
  return {};
}

async function readStatus(extractUrl: string): Promise<CheckStatus[]> {
  const answer = await askFunction(extractUrl, { status: true });
  if (isFailure(answer)) throw new Error(`status: ${answer.error.message}`);
  return (answer as { views: CheckStatus[] }).views;
}

function checkOf({ view, lastCheck, runningCheck }: CheckStatus): ViewCheck[] {
  if (lastCheck === null || runningCheck !== null) return [];
  const { missing, extra, different, duplicates, repaired, classes, isConsistent, why } = lastCheck;
  const differences = [missing, extra, different, duplicates].reduce((sum, rows) => sum + Number(rows), 0);
  return [{ view, differences, repaired: Number(repaired), classes, consistent: isConsistent === true, why }];
}

/** What a check found, in a line for people; nothing if both sides were equal from the start. */
export function describeCheck({
  view,
  differences,
  repaired,
  classes,
  consistent,
  why,
}: ViewCheck): string[] {
  if (differences === 0 && consistent) return [];
  const reasons = Object.entries(classes).map(([name, rows]) => `${EXPLAINED[name] ?? name} ${number(rows)}`);
  const found = `${number(differences)} ${differences === 1 ? 'row differed' : 'rows differed'}`;
  const because = reasons.length > 0 ? ` (${reasons.join(', ')})` : '';
  const refused = why === null ? '' : `; ${why}`;
  return [`${view}: ${found}${because}, ${number(repaired)} repaired${refused}`];
}

/** What needs more words than the name of the class. */
const EXPLAINED: Record<string, string> = {
  unexplained: 'unexplained, as BigQuery shows no history of the target:',
};

const number = (count: number): string => count.toLocaleString('en-US');
