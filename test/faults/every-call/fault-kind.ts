import {
  dropAfterEffect,
  dropBefore,
  type Fault,
  failAfterEffect,
  failBefore,
  type Hold,
  hold,
  holdAnswer,
  inOrder,
} from '../../emulators/faults.ts';
import type { Call } from './call.ts';

export const FAULT_KINDS = [
  'error before the effect',
  'refusal before the effect',
  'answer lost after the effect',
  'no answer until the time-out',
  'killed before the effect',
  'killed after the effect',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What happens to the process that made the call: it goes on, it waits until it gives up, or it is killed while it waits. */
export type Fate = 'goes on' | 'gives up' | 'killed';

export const FATES: Readonly<Record<FaultKind, Fate>> = {
  'error before the effect': 'goes on',
  'refusal before the effect': 'goes on',
  'answer lost after the effect': 'goes on',
  'no answer until the time-out': 'gives up',
  'killed before the effect': 'killed',
  'killed after the effect': 'killed',
};

type Protocol = 'postgres' | 'rest' | 'grpc';

/** An error that may pass: those that the clients try again by themselves, where they do. */
const ERRORS: Readonly<Record<Protocol, number | string>> = {
  postgres: '40001',
  rest: 503,
  grpc: 'UNAVAILABLE',
};
/** One that no client tries again: the function sees it. */
const REFUSALS: Readonly<Record<Protocol, number | string>> = {
  postgres: '57P01',
  rest: 403,
  grpc: 'PERMISSION_DENIED',
};
const TOO_MANY_CONNECTIONS = '53300';

/** The fault of a kind for a call, and what holds the call, of the kinds that do. */
export function faultOf(kind: FaultKind, call: Call): { fault: Fault; held: Hold | null } {
  const protocol = protocolOf(call);
  switch (kind) {
    case 'error before the effect': {
      const isConnect = call.name.endsWith(': connect');
      return { fault: failBefore(isConnect ? TOO_MANY_CONNECTIONS : ERRORS[protocol]), held: null };
    }
    case 'refusal before the effect':
      return { fault: failBefore(REFUSALS[protocol], 'accessDenied'), held: null };
    case 'answer lost after the effect':
      return { fault: protocol === 'grpc' ? failAfterEffect('UNAVAILABLE') : dropAfterEffect(), held: null };
    case 'no answer until the time-out': {
      // The effect comes when nobody waits for it any more.
      const held = hold();
      return { fault: held, held };
    }
    case 'killed before the effect': {
      const held = hold();
      return { fault: inOrder(held, dropBefore()), held };
    }
    case 'killed after the effect': {
      const held = holdAnswer();
      return { fault: held, held };
    }
  }
}

function protocolOf({ server, name }: Call): Protocol {
  if (server === 'postgres') return 'postgres';
  return server === 'pubsub' || /^[A-Z]/.test(name) ? 'grpc' : 'rest';
}
