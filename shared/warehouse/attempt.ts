import { TOKEN_LABEL } from './job-spec.ts';

/** One attempt to apply one batch. The names of all its jobs derive from these fields (I5). */
export type Attempt = {
  view: string;
  target: string;
  etlTransactionId: bigint;
  token: string;
  attempt: number;
};

export const contextOf = ({ view, etlTransactionId }: Attempt) => ({ view, etlTransactionId });

export const labelsOf = ({ view, etlTransactionId, token }: Attempt, step: string) => ({
  view,
  step,
  [TOKEN_LABEL]: token,
  'etl-transaction': String(etlTransactionId),
});
