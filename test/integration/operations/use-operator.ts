import { dispatch } from '../../../functions/extract/extract.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import type { Stack } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

export const PROJECT = 'pmr_project';
export const INCIDENTS = STREAMED_ENTRY.name;

type Operator = {
  on: Installation;
  stack: Stack;
  /** Sends a payload to `extract` as a call by hand. */
  ask: (payload: object) => Promise<Record<string, unknown>>;
  /** The events that `extract` would receive. */
  asked: () => Promise<unknown[]>;
};

/** An installation with two projects and two incidents for every test, and how an operator asks it. */
export function useOperator(): Operator {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
  });

  return {
    on,
    stack,
    ask: async (payload) => ({
      ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
    }),
    asked: () => on.mailboxes.extract.take(),
  };
}
