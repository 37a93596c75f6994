import { DataHubError } from '../errors.ts';

/** A service did not answer in time. Whoever knows what was asked of it names that, with `fromGoogle`. */
export class NoAnswer extends DataHubError {
  constructor(time: string) {
    super('transient', `no answer within ${time}`);
  }
}
