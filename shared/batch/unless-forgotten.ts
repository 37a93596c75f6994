import { DataHubError } from '../errors.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Invocation } from '../runtime/handle.ts';

/**
 * Reads what an event names. Returns null for an event that was published before its view was forgotten, since nothing is wrong with it. A
 * call by hand gets the error.
 */
export async function unlessForgotten<T>(
  view: string,
  { isByHand = false }: Pick<Invocation, 'isByHand'>,
  { control }: Pick<Dependencies, 'control'>,
  read: () => Promise<T>,
): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    const isUnknown = error instanceof DataHubError && error.kind === 'invalid_event';
    if (isUnknown && !isByHand && (await control.forgetting.wasForgotten(view))) return null;
    throw error;
  }
}
