import type * as Grpc from '@grpc/grpc-js';
import { PARSER_FOLDER } from './google-sql-server.ts';
import type { ProtoNode } from './proto-node.ts';

export interface LanguageOptions {
  /** `PRODUCT_EXTERNAL` is the dialect of Google's products; the default is the dialect that Google uses internally. */
  productMode: 'PRODUCT_EXTERNAL' | 'PRODUCT_INTERNAL';
  enabledLanguageFeatures: string[];
  supportedStatementKinds: readonly string[];
}

export interface AnalyzeRequest {
  sqlStatement: string;
  options: object;
  simpleCatalog: object;
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
export interface ParserClient extends Grpc.Client {
  GetLanguageOptions: Call<{ maximumFeatures: boolean }, LanguageOptions>;
  Parse: Call<ParseRequest, { parsedScript: ProtoNode }>;
  Analyze: Call<AnalyzeRequest, { resolvedStatement: ProtoNode }>;
}

/** local_service.proto as gRPC loads it. */
interface ParserPackage {
  zetasql: {
    ResolvedNodeKind: { type: { value: { name: string }[] } };
    local_service: {
      ZetaSqlLocalService: new (...args: ConstructorParameters<typeof Grpc.Client>) => ParserClient;
    };
  };
}

/** Connects to a running parser, and lists the kinds of statements that it knows. */
export async function connect(address: string): Promise<{ client: ParserClient; statementKinds: string[] }> {
  // Imported here, because these packages are installed with the parser; `parserProgram` reports it if they are not.
  const grpc = await import('@grpc/grpc-js');
  const { loadSync } = await import('@grpc/proto-loader');
  const protocol = loadSync('local_service.proto', {
    includeDirs: [`${PARSER_FOLDER}/protos`],
    enums: String,
  });
  const { zetasql } = grpc.loadPackageDefinition(protocol) as unknown as ParserPackage;
  const client = new zetasql.local_service.ZetaSqlLocalService(address, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1, // an answer is a syntax tree, many times as long as its text
  });
  const kinds = zetasql.ResolvedNodeKind.type.value.map(({ name }) => name);
  return { client, statementKinds: kinds.filter((kind) => kind.endsWith('_STMT')) };
}
