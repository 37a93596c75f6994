const BUG = 'a bug of SMart DataHub, or of whoever changed its files: the advice is to report it';
const CHECKED_BEFORE = 'extract and import refuse it before, with an error whose advice is followed';
const NO_VALUE = 'no value is known that passes the rules of extract and that BigQuery refuses';
const CHECKED = 'test/integration/reconcile/bad-input.test.ts: the next check of the view';
const WRITER = 'only another writer of the staging bucket can cause it';

/** Places that make an error, by file and a text of the error, and why no test follows their advice here. */
export const UNFOLLOWED: readonly (readonly [file: string, text: string, why: string])[] = [
  [
    'functions/admin/parse-fields.ts',
    'The address or the form is not valid',
    'test/integration/admin/transactions.test.ts: only an address or a form that somebody made by hand',
  ],
  ...(
    [
      ['shared/operations/row/look-up-row.ts', 'is no key of view'],
      ['shared/operations/row/target-row.ts', 'does not exist'],
      ['shared/operations/row/target-row.ts', 'and max_check_bytes of view'],
    ] as const
  ).map(
    ([file, text]) => [file, text, 'test/integration/admin/row.test.ts: a person looks a row up'] as const,
  ),
  [
    'functions/admin/pages/sources.ts',
    'There is no view source to export',
    'test/integration/admin/sources.test.ts: the page has no link to it then',
  ],
  [
    'shared/control/view-sources.ts',
    'since you looked at it',
    'test/integration/admin/sources-import.test.ts looks at it again',
  ],
  [
    'functions/extract/make-tables.ts',
    '{ context: { view }, advice }',
    'test/integration/functions/unfit-settings.test.ts does what it says',
  ],
  ['shared/warehouse/append-requests.ts', 'streaming takes at most', CHECKED_BEFORE],
  ['functions/extract/stage-whole.ts', 'what, {', 'it takes a table of terabytes'],
  [
    'shared/staging/staging.ts',
    'has a format that this release does not know',
    'test/integration/staging/staging.test.ts: only a later release stages it',
  ],
  ...(
    [
      ['functions/reconcile/check-view.ts', 'has not been loaded yet'],
      ['functions/reconcile/moment.ts', 'has not been loaded yet'],
      ['shared/operations/describe-compared.ts', 'its target does not exist'],
      ['shared/operations/find-recent.ts', 'rows changed in that time'],
      ['shared/source/compare-rows.ts', 'is NULL in some rows'],
      ['shared/source/recent-rows.ts', 'by which "since" finds its rows'],
    ] as const
  ).map(([file, text]) => [file, text, CHECKED] as const),
  [
    'shared/model/look-size.ts',
    'the rows that differ are larger than',
    'test/integration/reconcile/limits.test.ts does what it says',
  ],
  ['functions/reconcile/pending.ts', 'too far behind', 'a check waits by itself'],
  ['shared/control/consistency-checks.ts', 'any more', 'another process goes on with the check'],
  [
    'shared/postgres/connection-error.ts',
    'allow_connections',
    'test/unit/postgres/connection-error.test.ts: only another database of the server can run the statement',
  ],
  ['shared/warehouse/compare-rows.ts', 'has no column', BUG],
  [
    'functions/stream/schema-wait.ts',
    'it has not known them for an hour',
    'test/integration/functions/changed-stream-columns.long.test.ts does what it says',
  ],
  ['shared/batch/name-refused-row.ts', 'thenRedrive', NO_VALUE],
  [
    'shared/operations/audited.ts',
    'this request was sent already',
    'test/integration/admin/actions.test.ts leads to the entry that it names',
  ],
  ['shared/operations/purge.ts', "'transient'", 'test/integration/operations/purge.test.ts waits as it says'],
  ['shared/events/extract-event.ts', 'the event is no operation', BUG],
  [
    'shared/config/read-secrets.ts',
    'sm://project/secret/version',
    'test/unit/config/read-secrets.test.ts: a new deployment',
  ],
  [
    'shared/config/read-secrets.ts',
    'showReference(reference)',
    'test/integration/runtime/rotation.test.ts adds the version that it asks for',
  ],
  [
    'shared/control/forget-view.ts',
    '{ context: { view }, advice }',
    'test/integration/operations/forget.test.ts waits as it says',
  ],
  ['shared/control/migrate.ts', 'was edited after it was applied', BUG],
  [
    'shared/events/decode.ts',
    'the request has no body',
    'test/integration/runtime/bad-input.test.ts: the form of the request',
  ],
  [
    'shared/events/decode.ts',
    'message, advice === undefined',
    'test/integration/runtime/bad-input.test.ts: the form of the request',
  ],
  [
    'shared/events/events.ts',
    'receives no events',
    'the control database finds such a failure only among those with an event',
  ],
  ['shared/google/clients.ts', 'must be set together', 'only with emulators: a new deployment'],
  ['shared/google/clients.ts', 'must have the form host:port', 'only with emulators: a new deployment'],
  [
    'shared/google/cloud-sql-sockets.ts',
    'isMisconfigured',
    'test/integration/google/cloud-sql.test.ts: the API of Cloud SQL is no part of an installation here',
  ],
  ['shared/google/google-errors.ts', "'bug'", BUG],
  [
    'shared/postgres/login.ts',
    'the server has no TLS',
    'test/integration/postgres/tls.test.ts: a new deployment',
  ],
  [
    'shared/postgres/session.ts',
    'connection pooler',
    'test/integration/postgres/pooler.test.ts: a new deployment',
  ],
  [
    'shared/postgres/session.ts',
    'SOURCE_TIME_ZONE',
    'every time zone that the environment accepts is one that this server knows',
  ],
  ['shared/postgres/sqlstate.ts', "'bug'", BUG],
  [
    'shared/runtime/handle.ts',
    'request does nothing',
    'test/integration/runtime/answers.test.ts: the form of the request',
  ],
  ['shared/source/server-version.ts', 'is too old', 'no server of that age is here'],
  [
    'shared/source/try-statements.ts',
    'the statement',
    'only a check or an import runs into it, which change nothing',
  ],
  ['shared/warehouse/append-rows.ts', 'refusals.join', NO_VALUE],
  ['shared/warehouse/names.ts', 'is not a valid BigQuery name', CHECKED_BEFORE],
  ['shared/warehouse/row-encoder.ts', 'formatKey(row[keyColumn])}, column', CHECKED_BEFORE],
  ['shared/warehouse/row-encoder.ts', 'which is not a column of the view', WRITER],
];
