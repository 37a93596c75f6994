import type { Request } from 'express';
import { queryText } from './query-text.ts';
import { invalid, StorageError, unsupported } from './storage-error.ts';

/** What a request demands of the live object; generation '0' means that there is none. */
export interface Preconditions {
  readonly generationMatch?: string | undefined;
}

const UNSUPPORTED = ['ifGenerationNotMatch', 'ifMetagenerationMatch', 'ifMetagenerationNotMatch'];

export function preconditionsOf(request: Request): Preconditions {
  const precondition = UNSUPPORTED.find((name) => queryText(request, name) !== undefined);
  if (precondition !== undefined) throw unsupported(`the precondition ${precondition}`);
  const generationMatch = queryText(request, 'ifGenerationMatch');
  if (generationMatch !== undefined && !/^\d+$/.test(generationMatch)) {
    throw invalid(`Invalid value for ifGenerationMatch: ${generationMatch}`);
  }
  return { generationMatch };
}

/** @throws StorageError 412 where the demand is not met: https://cloud.google.com/storage/docs/request-preconditions */
export function demand(
  { generationMatch }: Preconditions,
  live: { readonly generation: string } | undefined,
): void {
  if (generationMatch === undefined || generationMatch === (live?.generation ?? '0')) return;
  const message = 'At least one of the pre-conditions you specified did not hold.';
  throw new StorageError(412, 'conditionNotMet', message);
}
