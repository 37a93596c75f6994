import { DeadlineExceeded } from '../deadline.ts';
import { asDataHubError, type DataHubError } from '../errors.ts';

/** A part of an answer that needs a service which may be down: what was read, or why not. */
export type Part<T> = { value: T; error?: never } | { value?: never; error: DataHubError };

/** Reads a part within some seconds, so that the others need not wait for it. `what` names it. Throws bugs only. */
export async function readPart<T>(what: string, seconds: number, read: () => Promise<T>): Promise<Part<T>> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new DeadlineExceeded(what)), seconds * 1000);
  try {
    return { value: await Promise.race([read(), late.promise]) };
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind === 'bug') throw error;
    return { error };
  } finally {
    clearTimeout(timer);
  }
}
