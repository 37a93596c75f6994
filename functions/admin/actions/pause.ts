import { formatNumber, formatSeconds, showTime } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import type { Action } from './action.ts';
import { utcText } from './field.ts';

/** Stops a view for now. */
export const PAUSE: Action = {
  path: 'pause',
  title: 'Pause',
  about: 'Stops the view for now. Nothing is lost: what changes meanwhile is captured afterwards.',
  button: 'Pause',
  runsIn: 'admin',
  input: [],
  options: () => [
    {
      name: 'until',
      label: 'Until',
      kind: 'time',
      isRequired: false,
      hint: 'Leave it empty to pause the view until somebody resumes it.',
    },
  ],
  payload: ({ source }, { until }) => ({
    view: source.name,
    pause: true,
    ...(until !== undefined && { until }),
  }),
  async preview({ status: { inFlight, paused, halted, behindSeconds, queuedKeys } }) {
    return {
      sentences: [
        'Nothing of the view is extracted or applied until somebody resumes it, or until the first tick after the time below.',
        'A step that runs now ends.',
        inFlight === null
          ? 'No batch is in flight.'
          : `Batch ${inFlight.etlTransactionId} is ${inFlight.state}, and waits.`,
        ...(paused === null ? [] : [alreadyPaused(paused)]),
        ...(halted === null ? [] : ['The view is halted, too, and stays so when the pause ends by itself.']),
      ],
      counts: [
        ['Behind now', formatSeconds(behindSeconds)],
        ['Queued keys', formatNumber(queuedKeys)],
      ],
    };
  },
  done: (view, { until }) =>
    typeof until === 'string'
      ? `${view} is paused until ${utcText(until)}.`
      : `${view} is paused until somebody resumes it.`,
};

const alreadyPaused = ({ since, by }: { since: string | null; by: string | null }) =>
  html`It is paused already${since === null ? '' : html` since ${showTime(since)}`}${by === null ? '' : ` by ${by}`}: this replaces reason and end.`;
