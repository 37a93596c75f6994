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

  const running = started.move();
  return {
    async parse(sql) {
      try {
        await parse({ sqlStatement: sql, allowScript: true, options });
      } catch (error) {
        throw syntaxError(error as Grpc.ServiceError) ?? error;
      }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Features of the parser that BigQuery lacks: table paths such as `/span/nonprod/table`. */
const NOT_IN_BIGQUERY = new Set(['FEATURE_V_1_3_ALLOW_SLASH_PATHS']);

interface LanguageOptions {
  /** `PRODUCT_EXTERNAL` is the dialect of Google's products; the default is the dialect that Google uses internally. */
  productMode: 'PRODUCT_EXTERNAL' | 'PRODUCT_INTERNAL';
  enabledLanguageFeatures: string[];
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
