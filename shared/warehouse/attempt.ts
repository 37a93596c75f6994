import { labelValue, TOKEN_LABEL } from './job.ts';

/** One attempt at one batch; every job of it is named from these. */
export type Attempt = {
  view: string;
  target: string;
  etlTransactionId: bigint;
  token: string;
  attempt: number;
};

export const contextOf = ({ view, etlTransactionId }: Attempt) => ({ view, etlTransactionId });

export const labelsOf = ({ view, etlTransactionId, token }: Attempt, step: string) => ({
  view: labelValue(view),
  step,
  [TOKEN_LABEL]: token,
  'etl-transaction': String(etlTransactionId),
});
