import { type Fault, FaultError, type Faults } from '../faults.ts';
import { BigQueryError } from './error.ts';

/** Names of job faults, for example `faults.next('bigquery.job.load', failJob('backendError'))`. */
export type JobFaultName = 'bigquery.job.query' | 'bigquery.job.load';

/** The emulator accepts the job; the job ends with this error and has no effect. */
export function failJob(reason: string, message = `scripted fault: ${reason}`): Fault {
  return { before: () => Promise.reject(new BigQueryError(reason, message)) };
}

/** The job takes full effect but still ends with this error. */
export function failJobAfterEffect(reason: string): Fault {
  return { after: { kind: 'status', status: 'FAILED', reason } };
}

/**
 * Runs a job's effect under its fault. `hold()` and `delay()` keep the job RUNNING; a job that is stopped meanwhile ends
 * at once and never takes effect. If the effect has begun, this function waits for it.
 */
export async function underFault<T>(
  faults: Faults,
  name: JobFaultName,
  stopSignal: AbortSignal,
  effect: () => Promise<T>,
): Promise<T> {
  let begun = false;
  const stopped = Promise.withResolvers<never>();
  stopSignal.addEventListener('abort', () => {
    if (!begun) stopped.reject(stopSignal.reason);
  });
  const running = faults.around(name, () => {
    stopSignal.throwIfAborted();
    begun = true;
    return effect();
  });
  try {
    return await Promise.race([running, stopped.promise]);
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    const reason = error.answer.kind === 'status' ? error.answer.reason : 'backendError';
    throw new BigQueryError(reason, `scripted fault: ${reason}`);
  }
}
