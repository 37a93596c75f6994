export type ImpossibleEvent = {
  what: string;
  functionName: 'extract' | 'merge';
  payload: string;
  /** Matches the message of the answer. */
  message: RegExp;
};

/** Events that no handler can read as JSON. */
export const UNREADABLE: ImpossibleEvent[] = [
  {
    what: 'that is not JSON',
    functionName: 'extract',
    payload: '{"view":',
    message: /the event is not JSON/,
  },
  {
    what: 'that is not text',
    functionName: 'merge',
    payload: '\0\x01\x02',
    message: /the event is not JSON/,
  },
];

/** JSON events that can never be handled. An installation has the views pmr_project and pmr_site. */
export const UNFIT: ImpossibleEvent[] = [
  {
    what: 'of an unknown view',
    functionName: 'extract',
    payload: '{"view":"x"}',
    message: /no view source is named "x"/,
  },
  {
    what: 'of an unknown ETL transaction',
    functionName: 'merge',
    payload: '{"view":"pmr_project","etlTransactionId":"999999"}',
    message: /no ETL transaction 999999/,
  },
  {
    what: 'of another view’s ETL transaction',
    functionName: 'merge',
    payload: '{"view":"pmr_site","etlTransactionId":"1"}',
    message: /view pmr_site has no ETL transaction 1/,
  },
  {
    what: 'with an unknown field',
    functionName: 'extract',
    payload: '{"view":"pmr_project","full":true}',
    message: /"full"/,
  },
  {
    what: 'with NUL characters in field names',
    functionName: 'extract',
    payload: '{"view\\u0000":"a\\u0000"}',
    message: /Unrecognized key/,
  },
  {
    what: 'with NUL characters in values',
    functionName: 'extract',
    payload: '{"view":"a\\u0000"}',
    message: /view: contains a NUL character/,
  },
  {
    what: 'with a lone surrogate in a value',
    functionName: 'extract',
    payload: '{"view":"\\ud800"}',
    message: /view: contains a NUL character or an unpaired surrogate/,
  },
  {
    what: 'that is nested too deeply to be serialized',
    functionName: 'merge',
    payload: nested(20_000),
    message: /the event is (nested too deeply|not valid)/,
  },
  {
    what: 'that is too large',
    functionName: 'extract',
    payload: JSON.stringify({ view: 'x'.repeat(600_000) }),
    message: /the limit is 524288/,
  },
];

/** JSON with this many nested arrays. */
function nested(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels);
}
