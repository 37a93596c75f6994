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

/** What happens to the calling process: it continues, its call times out, or it is killed while it waits. */
export type Fate = 'continues' | 'times out' | 'killed';

export const FATES: Readonly<Record<FaultKind, Fate>> = {
  'error before the effect': 'continues',
  'refusal before the effect': 'continues',
  'answer lost after the effect': 'continues',
  'no answer until the time-out': 'times out',
  'killed before the effect': 'killed',
  'killed after the effect': 'killed',
};

type Protocol = 'postgres' | 'rest' | 'grpc';

/** Transient errors. Some of the clients retry these themselves. */
const ERRORS: Readonly<Record<Protocol, number | string>> = {
  postgres: '40001',
  rest: 503,
  grpc: 'UNAVAILABLE',
};
/** Errors that no client retries, so that they reach the function. */
const REFUSALS: Readonly<Record<Protocol, number | string>> = {
  postgres: '57P01',
  rest: 403,
  grpc: 'PERMISSION_DENIED',
};
const TOO_MANY_CONNECTIONS = '53300';

/** Returns the fault of this kind for a call, and the hold of the call for kinds that hold it. */
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
      // The effect happens when the caller no longer waits for it.
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
  return /^[A-Z]/.test(name) ? 'grpc' : 'rest';
}
