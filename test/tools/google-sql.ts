import { promisify } from 'node:util';
import type * as Grpc from '@grpc/grpc-js';
import { PARSER_FOLDER, startGoogleSqlServer } from './google-sql-server.ts';

export interface GoogleSql extends AsyncDisposable {
  /**
   * Parses a script of any number of statements, including procedures with their bodies. Checks only the syntax: not names,
   * not types, not the position of a DECLARE. Calls may overlap.
   * Throws GoogleSqlSyntaxError for the first syntax error, and another error if the parser itself fails.
   */
  parse(sql: string): Promise<void>;
  /**
   * Analyzes one CREATE TABLE statement or query without tables: its names and types too. Google's analyzer knows not all rules of BigQuery.
   * Returns the refusal, or undefined if it has none.
   */
  analyze(sql: string): Promise<string | undefined>;
}

/**
 * The first syntax error of a text. Its message begins with `line:column`, so that an editor can open `file:${message}`.
 * Both count from 1. A column is a character; a tab extends to the next multiple of eight.
 */
export class GoogleSqlSyntaxError extends Error {
  override readonly name = 'GoogleSqlSyntaxError';
  readonly line: number;
  readonly column: number;

  constructor(line: number, column: number, reason: string) {
    super(`${line}:${column} ${reason}`);
    this.line = line;
    this.column = column;
  }
}

/** Starts Google's parser; disposal ends its process. Throws the errors of `startGoogleSqlServer`. */
export async function startGoogleSql(): Promise<GoogleSql> {
  await using started = new AsyncDisposableStack();
  const server = started.use(await startGoogleSqlServer());
  const client = started.adopt(await connect(server.address), (connected) => connected.close());
  const everything = await promisify(client.GetLanguageOptions.bind(client))({ maximumFeatures: true });
  const options: LanguageOptions = {
    ...everything,
    productMode: 'PRODUCT_EXTERNAL',
    enabledLanguageFeatures: everything.enabledLanguageFeatures.filter(
      (feature) => !NOT_IN_BIGQUERY.has(feature),
    ),
  };
  const parse = promisify(client.Parse.bind(client));
  const analyze = promisify(client.Analyze.bind(client));
  const languageOptions = { ...options, supportedStatementKinds: ANALYZED };

  const running = started.move();
  return {
    async parse(sql) {
      try {
        await parse({ sqlStatement: sql, allowScript: true, options });
      } catch (error) {
        throw syntaxError(error as Grpc.ServiceError) ?? error;
      }
    },
    async analyze(sqlStatement) {
      try {
        const simpleCatalog = { name: 'empty', builtinFunctionOptions: { languageOptions } };
        await analyze({ sqlStatement, options: { languageOptions }, simpleCatalog });
        return undefined;
      } catch (error) {
        const { code, details } = error as Grpc.ServiceError;
        if (code !== INVALID_ARGUMENT) throw error;
        return details;
      }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The statements that `analyze` takes (resolved_node_kind.proto). */
const ANALYZED = ['RESOLVED_CREATE_TABLE_STMT', 'RESOLVED_QUERY_STMT'];
/** The gRPC status of a statement that the analyzer refuses. */
const INVALID_ARGUMENT = 3;

/** Features of the parser that BigQuery lacks: table paths such as `/span/nonprod/table`. */
const NOT_IN_BIGQUERY = new Set(['FEATURE_V_1_3_ALLOW_SLASH_PATHS']);

interface LanguageOptions {
  /** `PRODUCT_EXTERNAL` is the dialect of Google's products; the default is the dialect that Google uses internally. */
  productMode: 'PRODUCT_EXTERNAL' | 'PRODUCT_INTERNAL';
  enabledLanguageFeatures: string[];
}

interface AnalyzeRequest {
  sqlStatement: string;
  options: { languageOptions: object };
  simpleCatalog: { name: string; builtinFunctionOptions: { languageOptions: object } };
}

interface ParseRequest {
  sqlStatement: string;
  allowScript: boolean;
  options: LanguageOptions;
}

type Call<Request, Response> = (
  request: Request,
  callback: (error: Grpc.ServiceError | null, response: Response) => void,
) => void;

/** The calls of `ZetaSqlLocalService` (local_service.proto) that are used here. */
interface ParserClient extends Grpc.Client {
  GetLanguageOptions: Call<{ maximumFeatures: boolean }, LanguageOptions>;
  Parse: Call<ParseRequest, object>;
  Analyze: Call<AnalyzeRequest, object>;
}

/** local_service.proto as gRPC loads it. */
interface ParserPackage {
  zetasql: {
    local_service: {
      ZetaSqlLocalService: new (...args: ConstructorParameters<typeof Grpc.Client>) => ParserClient;
    };
  };
}

async function connect(address: string): Promise<ParserClient> {
  // Imported here, because these packages are installed with the parser; `parserProgram` reports it if they are not.
  const grpc = await import('@grpc/grpc-js');
  const { loadSync } = await import('@grpc/proto-loader');
  const protocol = loadSync('local_service.proto', {
    includeDirs: [`${PARSER_FOLDER}/protos`],
    enums: String,
  });
  const { zetasql } = grpc.loadPackageDefinition(protocol) as unknown as ParserPackage;
  return new zetasql.local_service.ZetaSqlLocalService(address, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1, // an answer is a syntax tree, many times as long as its text
  });
}

/** Reads the position from the end of the parser's message, `[at line:column]`; undefined for other errors. */
function syntaxError({ details }: Grpc.ServiceError): GoogleSqlSyntaxError | undefined {
  const [, reason, line, column] = /^(.*) \[at (\d+):(\d+)\]$/s.exec(details) ?? [];
  if (reason === undefined) return undefined;
  return new GoogleSqlSyntaxError(Number(line), Number(column), reason);
}
