import type { Request } from 'express';
import { queryText } from './query-text.ts';
import { invalid, StorageError } from './storage-error.ts';

/** What a request demands of the live object; generation '0' means that there is none. */
export interface Preconditions {
  readonly generationMatch?: string | undefined;
  readonly generationNotMatch?: string | undefined;
  readonly metagenerationMatch?: string | undefined;
  readonly metagenerationNotMatch?: string | undefined;
}

interface Versioned {
  readonly generation: string;
  readonly metageneration: string;
}

/** Reads `ifGenerationMatch` and its like; `ifSourceGenerationMatch` with the prefix `ifSource`. */
export function preconditionsOf(request: Request, prefix: 'if' | 'ifSource' = 'if'): Preconditions {
  return {
    generationMatch: versionNumber(request, `${prefix}GenerationMatch`),
    generationNotMatch: versionNumber(request, `${prefix}GenerationNotMatch`),
    metagenerationMatch: versionNumber(request, `${prefix}MetagenerationMatch`),
    metagenerationNotMatch: versionNumber(request, `${prefix}MetagenerationNotMatch`),
  };
}

/** Throws 412 where a demand is not met, as Cloud Storage does; 304 for an unmet "not match" of a read. */
export function demand(preconditions: Preconditions, live: Versioned | undefined, reading = false): void {
  const generation = live?.generation ?? '0';
  const metageneration = live?.metageneration ?? '0';
  const { generationMatch, generationNotMatch, metagenerationMatch, metagenerationNotMatch } = preconditions;
  if (
    (generationMatch !== undefined && generationMatch !== generation) ||
    (metagenerationMatch !== undefined && metagenerationMatch !== metageneration)
  ) {
    throw new StorageError(412, 'conditionNotMet', UNMET);
  }
  if (generationNotMatch === generation || metagenerationNotMatch === metageneration) {
    throw new StorageError(reading ? 304 : 412, 'conditionNotMet', UNMET);
  }
}

const UNMET = 'At least one of the pre-conditions you specified did not hold.';

function versionNumber(request: Request, name: string): string | undefined {
  const text = queryText(request, name);
  if (text !== undefined && !/^\d+$/.test(text)) throw invalid(`Invalid value for ${name}: ${text}`);
  return text;
}
