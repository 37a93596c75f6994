import { formatNumber } from '../ui/format.ts';
import type { Action, Preview, Subject } from './action.ts';

/** Lets a view run again from the next tick on. */
export const RESUME: Action = {
  path: 'resume',
  title: 'Resume',
  about: 'Lets a paused or halted view run again, from the next tick on.',
  button: 'Resume',
  runsIn: 'admin',
  input: [],
  payload: ({ source }) => ({ view: source.name, resume: true }),
  async preview(subject) {
    const { paused, halted } = subject.status;
    if (paused === null && halted === null) {
      return { sentences: [], refused: 'The view is neither paused nor halted.' };
    }
    return await previewOf(subject, 'The view runs again from the next tick on.');
  },
  done: (view) => `${view} runs again from the next tick on.`,
};

/** Lets a view run again at once. */
export const REDRIVE: Action = {
  path: 'redrive',
  title: 'Redrive',
  about: 'Lets a halted view run again at once, after its cause is mended.',
  button: 'Redrive',
  runsIn: 'admin',
  input: [],
  payload: ({ source }) => ({ view: source.name, redrive: true }),
  preview: (subject) => previewOf(subject, 'The view runs again, and a batch is requested at once.'),
  done: (view) => `${view} runs again, and a batch is requested.`,
};

async function previewOf({ source, status, dependencies }: Subject, effect: string): Promise<Preview> {
  const { failedBatches, failures } = await dependencies.control.viewStops.whatResumes(source.name);
  const { halted, paused } = status;
  return {
    sentences: [
      ...(halted === null ? [] : [`It is halted: ${halted.why ?? 'no reason is known'}`]),
      ...(paused === null ? [] : [`It is paused: ${paused.why ?? 'no reason is known'}`]),
      effect,
      ...(failedBatches === 0 ? [] : ['The changes of its failed batches are captured again.']),
      ...(failures === 0
        ? []
        : ['Its failures count as resolved, except invalid events: redrive or resolve those one by one.']),
      ...(halted === null ? [] : ['If the cause is not mended, the view halts again with the same reason.']),
    ],
    counts: [
      ['Failed batches', formatNumber(failedBatches)],
      ['Failures to resolve', formatNumber(failures)],
    ],
  };
}
