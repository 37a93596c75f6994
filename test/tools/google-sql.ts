import { promisify } from 'node:util';
import type * as Grpc from '@grpc/grpc-js';
import { type AnalyzeRequest, connect, type LanguageOptions } from './google-sql-client.ts';
import { startGoogleSqlServer } from './google-sql-server.ts';
import { concrete, type ProtoNode } from './proto-node.ts';
import type { SimpleCatalog, SqlColumn } from './sql-objects.ts';
import { type SqlType, STRING, scalarType } from './sql-type.ts';

export interface GoogleSql extends AsyncDisposable {
  /**
   * Parses a script of any number of statements, including procedures with their bodies, and returns its syntax tree. Checks only the syntax:
   * not names, not types, not the position of a DECLARE. Calls may overlap.
   * Throws GoogleSqlError for the first syntax error, and another error if the parser itself fails.
   */
  parse(sql: string): Promise<ProtoNode>;
  /**
   * Analyzes one statement, not the body of a procedure: its names and types too. Google's analyzer knows not all rules of BigQuery.
   * Returns the analyzed statement without its query; of one that is no DDL, only the columns that it returns. Throws like `parse`.
   */
  analyze(sql: string, surroundings?: Surroundings): Promise<ProtoNode>;
  /** Why the analyzer refuses a statement without tables; undefined if it accepts it. */
  refusal(sql: string): Promise<string | undefined>;
}

/** What the names of a statement may mean. */
export interface Surroundings {
  readonly catalog?: SimpleCatalog;
  /** Parameters of the query: `@name`. */
  readonly parameters?: readonly SqlColumn[];
  /** Variables of a script and parameters of a procedure. A column hides them. */
  readonly variables?: readonly SqlColumn[];
  /** Whether the statement belongs to an exception handler. */
  readonly inHandler?: boolean;
  /** The types to which the columns of a query are converted, as those of an assignment are. */
  readonly targets?: readonly SqlType[];
}

/**
 * The first error of a text. Its message begins with `line:column`, so that an editor can open `file:${message}`.
 * Both count from 1. A column is a character; a tab extends to the next multiple of eight.
 */
export class GoogleSqlError extends Error {
  override readonly name = 'GoogleSqlError';
  readonly line: number;
  readonly column: number;
  readonly reason: string;

  constructor(line: number, column: number, reason: string) {
    super(`${line}:${column} ${reason}`);
    this.line = line;
    this.column = column;
    this.reason = reason;
  }
}

/** Starts Google's parser and analyzer; disposal ends the process. Throws the errors of `startGoogleSqlServer`. */
export async function startGoogleSql(): Promise<GoogleSql> {
  await using started = new AsyncDisposableStack();
  const server = started.use(await startGoogleSqlServer());
  const { client: opened, statementKinds } = await connect(server.address);
  const client = started.adopt(opened, (connected) => connected.close());
  const everything = await promisify(client.GetLanguageOptions.bind(client))({ maximumFeatures: true });
  const languageOptions: LanguageOptions = {
    ...everything,
    productMode: 'PRODUCT_EXTERNAL',
    enabledLanguageFeatures: [...everything.enabledLanguageFeatures, ...ONLY_ON_REQUEST].filter(
      (feature) => !NOT_IN_BIGQUERY.has(feature),
    ),
    supportedStatementKinds: statementKinds,
  };
  const parse = promisify(client.Parse.bind(client));
  const analyze = promisify(client.Analyze.bind(client));

  /** Procedures of equal tables have the same statements, so that most answers are known. */
  const answers = new Map<string, Promise<ProtoNode>>();
  function analyzed(sqlStatement: string, surroundings: Surroundings = {}): Promise<ProtoNode> {
    const request = analyzeRequest(sqlStatement, surroundings);
    const key = JSON.stringify(request);
    const answer = answers.get(key) ?? analyzeAlone(withLanguage(request, languageOptions));
    answers.set(key, answer);
    return answer;
  }

  async function analyzeAlone(request: AnalyzeRequest): Promise<ProtoNode> {
    const { resolvedStatement } = await refusing(analyze(request));
    return withoutQuery(resolvedStatement);
  }

  const running = started.move();
  return {
    parse: async (sqlStatement) =>
      (await refusing(parse({ sqlStatement, allowScript: true, options: languageOptions }))).parsedScript,
    analyze: analyzed,
    refusal: (sql) =>
      analyzed(sql).then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof GoogleSqlError) return error.reason;
          throw error;
        },
      ),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Features of the parser that BigQuery lacks: table paths such as `/span/nonprod/table`. */
const NOT_IN_BIGQUERY = new Set(['FEATURE_V_1_3_ALLOW_SLASH_PATHS']);

/** Features that BigQuery has, and that `maximumFeatures` leaves out, since Google calls them unfinished in this version of the analyzer. */
const ONLY_ON_REQUEST = [
  'FEATURE_ALTER_COLUMN_SET_DATA_TYPE',
  'FEATURE_INTERVAL_TYPE',
  'FEATURE_V_1_3_COLLATION_SUPPORT',
];

/** https://cloud.google.com/bigquery/docs/reference/system-variables, as far as we use them. */
const SYSTEM_VARIABLES = [{ namePath: ['row_count'], type: scalarType('INT64') }];
const HANDLER_VARIABLES = ['message', 'statement_text'].map((name) => ({
  namePath: ['error', name],
  type: STRING,
}));

/** The options of tables, views and datasets that we set: the analyzer refuses others. */
const OPTIONS = [
  { name: 'default_partition_expiration_days', type: scalarType('FLOAT64') },
  { name: 'description', type: STRING },
  { name: 'expiration_timestamp', type: scalarType('TIMESTAMP') },
  { name: 'location', type: STRING },
  { name: 'max_staleness', type: scalarType('INTERVAL') },
  { name: 'partition_expiration_days', type: scalarType('FLOAT64') },
];

function analyzeRequest(
  sqlStatement: string,
  { catalog, parameters = [], variables = [], inHandler = false, targets = [] }: Surroundings,
) {
  const isNamed = ({ name }: SqlColumn): boolean => sqlStatement.toLowerCase().includes(name.toLowerCase());
  return {
    sqlStatement,
    options: {
      errorMessageMode: 'ERROR_MESSAGE_ONE_LINE',
      pruneUnusedColumns: true,
      queryParameters: parameters,
      systemVariables: inHandler ? [...SYSTEM_VARIABLES, ...HANDLER_VARIABLES] : SYSTEM_VARIABLES,
      allowedHintsAndOptions: { disallowUnknownOptions: true, option: OPTIONS },
      ...(targets.length > 0 && { targetColumnTypes: targets }),
    },
    simpleCatalog: {
      ...catalog,
      constant: variables.filter(isNamed).map(({ name, type }) => ({ namePath: [name], type, value: {} })),
    },
  };
}

const withLanguage = (
  { options, simpleCatalog, ...request }: ReturnType<typeof analyzeRequest>,
  languageOptions: LanguageOptions,
): AnalyzeRequest => ({
  ...request,
  options: { ...options, languageOptions },
  simpleCatalog: { ...simpleCatalog, builtinFunctionOptions: { languageOptions } },
});

/** What is large in an analyzed statement, nobody asks for. */
function withoutQuery(statement: ProtoNode): ProtoNode {
  const { kind, node } = concrete(statement);
  const isAsked = /Create|Alter|Drop|ExecuteImmediate/.test(kind);
  const { outputColumnList } = node;
  return { [kind]: isAsked ? { ...node, query: undefined } : { outputColumnList } };
}

/** The gRPC statuses of a text that is refused: INVALID_ARGUMENT, UNIMPLEMENTED. */
const REFUSALS = new Set([3, 12]);

/** Throws GoogleSqlError for a text that is refused; its position is at the end of the message, `[at line:column]`. */
async function refusing<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { code, details } = error as Grpc.ServiceError;
    if (!REFUSALS.has(code)) throw error;
    const [, reason = details, line = '1', column = '1'] = /^(.*) \[at (\d+):(\d+)\]$/s.exec(details) ?? [];
    throw new GoogleSqlError(Number(line), Number(column), reason);
  }
}
