import type { LoadType } from '../../../shared/model/columns.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import type { Action } from './action.ts';
import { estimateView } from './estimate-view.ts';

const otherType = ({ loadType }: ViewSource): LoadType => (loadType === 'merge' ? 'bq-storage-api' : 'merge');

/** Feeds a new target with the other load type. */
export const LOAD_TYPE: Action = {
  path: 'load-type',
  title: 'Change load type',
  about:
    'Feeds a new target with the other load type. The load type of a target that has rows never changes.',
  button: 'Change load type',
  isTyped: true,
  runsIn: 'admin',
  input: [
    {
      name: 'target',
      label: 'New target',
      kind: 'text',
      isRequired: true,
      hint: 'The name of a table that no view feeds, or has fed.',
    },
  ],
  payload: ({ source }, { target }) => ({ view: source.name, loadType: otherType(source), target }),
  async preview(subject, { target = '' }) {
    const { source, status } = subject;
    const why = await subject.dependencies.control.loadTypes.conflict(source.name, otherType(source), target);
    if (why !== null) return { sentences: [], refused: `Choose another target: ${why}.` };
    if (status.inFlight !== null) {
      const { etlTransactionId, state } = status.inFlight;
      return { sentences: [], refused: `Batch ${etlTransactionId} is ${state}. Wait until it is applied.` };
    }
    return {
      sentences: [
        `The view is loaded as a whole into the new target ${target}, and fed by ${otherType(source)} from then on.`,
        `The target ${source.targetName} (${source.loadType}) is not fed any more. It and its reporting view stay until you drop them.`,
        ...(status.halted === null && status.paused === null ? [] : ['The view is stopped, and runs again.']),
      ],
      ...(await estimateView(subject)),
    };
  },
  done: (view, { loadType, target }) =>
    `${view} is loaded into ${target} by ${loadType}; the next batch carries the whole view.`,
};
