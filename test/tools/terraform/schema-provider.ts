import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadPackageDefinition, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { BlockSchema, ProviderSchema } from './provider-schema.ts';

export interface SchemaProvider extends AsyncDisposable {
  /** Environment for `terraform`, which then uses this server for every provider of terraform/ and downloads none. */
  env: { TF_REATTACH_PROVIDERS: string };
}

/**
 * Starts a Terraform provider that knows the schema and does nothing. That is enough for `validate` and for tests with
 * `mock_provider`. It does not check what the real provider checks beyond the schema, such as the form of a name.
 */
export async function startSchemaProvider(
  schema: ProviderSchema,
  types: { resources: Iterable<string>; dataSources: Iterable<string> },
): Promise<SchemaProvider> {
  const server = new Server({ 'grpc.max_send_message_length': -1 });
  const answer = {
    provider: { block: blockOf(schema.provider) },
    resource_schemas: schemasOf(types.resources, schema.resource),
    data_source_schemas: schemasOf(types.dataSources, schema.dataSource),
  };
  const nothing: Handler = (_, respond) => respond(null, {});
  server.addService(service(), {
    GetSchema: ((_, respond) => respond(null, answer)) satisfies Handler,
    PrepareProviderConfig: (({ request }, respond) =>
      respond(null, { prepared_config: request.config })) satisfies Handler,
    ValidateResourceTypeConfig: nothing,
    ValidateDataSourceConfig: nothing,
    Configure: nothing,
    Stop: nothing,
  });
  const port = await promisify<string, ServerCredentials, number>(server.bindAsync.bind(server))(
    '127.0.0.1:0',
    ServerCredentials.createInsecure(),
  );
  const address = {
    Protocol: 'grpc',
    ProtocolVersion: 5,
    Pid: process.pid,
    Test: true,
    Addr: { Network: 'tcp', String: `127.0.0.1:${port}` },
  };
  const reattach = Object.fromEntries(
    ['archive', 'google', 'time'].map((name) => [`hashicorp/${name}`, address]),
  );
  return {
    env: { TF_REATTACH_PROVIDERS: JSON.stringify(reattach) },
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

type Handler = (
  call: { request: { config?: object } },
  respond: (error: null, answer: object) => void,
) => void;

function service(): ServiceDefinition {
  const definition = loadSync(join(import.meta.dirname, 'provider.proto'), { keepCase: true, enums: String });
  const loaded = loadPackageDefinition(definition) as unknown as {
    tfplugin5: { Provider: { service: ServiceDefinition } };
  };
  return loaded.tfplugin5.Provider.service;
}

function schemasOf(types: Iterable<string>, find: (type: string) => BlockSchema | undefined) {
  const found = [...new Set(types)].map((type): [string, BlockSchema | undefined] => [type, find(type)]);
  return Object.fromEntries(
    found.flatMap(([type, block]) => (block === undefined ? [] : [[type, { block: blockOf(block) }]])),
  );
}

function blockOf({ arguments: given, attributes }: BlockSchema): object {
  const typeOf = (name: string) => Buffer.from(JSON.stringify(attributes.get(name) ?? 'string'));
  const own = [...given].filter(([, { block }]) => block === null);
  const computed = [...attributes.keys()].filter((name) => !given.has(name));
  return {
    attributes: [
      // The provider computes arguments that are left out.
      ...own.map(([name, { isRequired }]) => ({
        name,
        type: typeOf(name),
        required: isRequired,
        optional: !isRequired,
        computed: !isRequired,
      })),
      ...computed.map((name) => ({ name, type: typeOf(name), computed: true })),
    ],
    block_types: [...given].flatMap(([name, { block, isRequired, isRepeated }]) =>
      block === null
        ? []
        : [
            {
              type_name: name,
              block: blockOf(block),
              nesting: 'LIST',
              min_items: isRequired ? 1 : 0,
              max_items: isRepeated ? 0 : 1,
            },
          ],
    ),
  };
}
