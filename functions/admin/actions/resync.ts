import type { Action, Subject } from './action.ts';
import { estimateView } from './estimate-view.ts';

/** Loads the whole view again. */
export const RESYNC: Action = {
  path: 'resync',
  title: 'Resync',
  about: 'Loads the whole view again. Readers never see an empty table.',
  button: 'Resync',
  isTyped: true,
  runsIn: 'admin',
  input: [],
  options: ({ status }) => [
    { name: 'acceptDeletes', label: 'Accept any number of deletes', kind: 'check' },
    ...(status.resyncRequested
      ? [
          {
            name: 'withdraw',
            label: 'Withdraw the resync that is requested, instead',
            kind: 'check' as const,
          },
        ]
      : []),
  ],
  payload: ({ source }, { acceptDeletes, withdraw }) => ({
    view: source.name,
    resync: withdraw === undefined,
    ...(acceptDeletes !== undefined && { acceptDeletes: true }),
  }),
  async preview(subject) {
    return { sentences: sentencesOf(subject), ...(await estimateView(subject)) };
  },
  done: (view, { outcome, paused }) => {
    if (outcome === 'resync withdrawn') return `The resync of ${view} is withdrawn.`;
    return paused === true
      ? `The resync of ${view} is requested. It begins when the view is resumed.`
      : `The resync of ${view} is requested: the next batch carries the whole view.`;
  },
};

function sentencesOf({ source, status }: Subject): string[] {
  const share = Math.round(source.maxDeletedShare * 100);
  return [
    'The next batch carries every row of the view. Rows of the target that the view does not have are deleted.',
    `If more than ${share} % of the target's rows would be deleted (and more than 100), the view halts instead, unless you accept any number of deletes.`,
    ...(status.resyncRequested ? ['A resync is requested already.'] : []),
    ...(status.halted === null ? [] : ['The view is halted, and runs again.']),
    ...(status.paused === null
      ? []
      : ['The view is paused, and stays so: the resync begins when it is resumed.']),
    ...(status.resyncAdvised === null ? [] : [`A resync is advised: ${status.resyncAdvised}`]),
  ];
}
