import ora, { type Ora } from 'ora';
import { type Line, painted, type Say } from './line.ts';
import { type Amount, type BeginStep, describeProgress, type Step } from './progress.ts';

/** Where a command says what it does. */
export interface Output {
  say: Say;
  step: BeginStep;
}

const REFRESH_MS = 500;
/** Where nobody watches a line change, one line from time to time is enough. */
const PLAIN_INTERVAL_MS = 10_000;

interface Running {
  title: string;
  startedAtMs: number;
  amount: Amount | undefined;
  /** How much was done when the first amount was known, and when that was. */
  from: number;
  fromMs: number;
}

/**
 * Lines on a stream, and the latest step that has not ended: on a terminal in a last line that changes, otherwise in a line of its own every
 * ten seconds. Other writers to the stream do not disturb the changing line.
 */
export function createTerminal(stream: NodeJS.WriteStream, plainIntervalMs = PLAIN_INTERVAL_MS): Output {
  // A pseudo-terminal may have no width, and lines cannot be counted on it.
  const isTerminal = stream.isTTY === true && stream.columns > 0 && process.env.TERM !== 'dumb';
  const running = new Set<Running>();
  const spinner: Ora | undefined = isTerminal
    ? ora({ stream, isEnabled: true, discardStdin: false, color: 'cyan' })
    : undefined;
  let timer: NodeJS.Timeout | undefined;

  const say = (line: Line): void => {
    stream.write(`${painted(line, stream)}\n`);
  };
  const show = (): void => {
    const latest = [...running].at(-1);
    if (latest === undefined) return;
    if (spinner === undefined && performance.now() - latest.startedAtMs < plainIntervalMs) return;
    const text = describe(latest);
    if (spinner === undefined) say([['quiet', text]]);
    else spinner.text = cut(painted(text, stream), stream.columns);
  };
  const begin = (): void => {
    if (timer !== undefined) return;
    timer = setInterval(show, isTerminal ? REFRESH_MS : plainIntervalMs);
    timer.unref();
    spinner?.start();
  };
  const end = (): void => {
    clearInterval(timer);
    timer = undefined;
    spinner?.stop();
  };

  return {
    say,
    step: (title): Step => {
      const nowMs = performance.now();
      const step: Running = { title, startedAtMs: nowMs, amount: undefined, from: 0, fromMs: nowMs };
      running.add(step);
      if (spinner !== undefined) spinner.text = title;
      begin();
      return {
        update: (amount) => {
          if (step.amount === undefined)
            Object.assign(step, { from: amount.done, fromMs: performance.now() });
          step.amount = amount;
        },
        end: () => {
          running.delete(step);
          if (running.size === 0) end();
        },
      };
    },
  };
}

function describe({ title, startedAtMs, amount, from, fromMs }: Running): string {
  const sinceMs = amount === undefined ? startedAtMs : fromMs;
  return describeProgress(title, amount, { elapsedMs: performance.now() - sinceMs, from });
}

/** A line that is wider than the terminal would wrap, and leave its rest behind when it changes. */
function cut(text: string, columns = 80): string {
  const width = columns - 3;
  return text.length > width ? `${text.slice(0, Math.max(width - 1, 0))}…` : text;
}
