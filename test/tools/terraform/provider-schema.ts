import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The schema of a block. */
export interface BlockSchema {
  arguments: Map<string, ArgumentSchema>;
  /** Readable attributes by name: the arguments and the values that the provider computes. */
  attributes: Map<string, AttributeType>;
}

/** A type in the form of Terraform's protocol: `"string"`, `["list", "string"]`. */
export type AttributeType = string | ['list' | 'map', AttributeType];

export interface ArgumentSchema {
  isRequired: boolean;
  /** The schema of a nested block; null for a plain argument. */
  block: BlockSchema | null;
  /** Whether the block may occur more than once. */
  isRepeated: boolean;
}

export interface ProviderSchema {
  /** The provider's release: `6.50.0`. */
  version: string;
  resource(type: string): BlockSchema | undefined;
  dataSource(type: string): BlockSchema | undefined;
  /** The schema of the provider's own configuration. */
  provider: BlockSchema;
}

/** The part of a jsii manifest that is used: classes with their properties, and the interfaces of their constructors' arguments. */
interface Manifest {
  types: Record<string, ManifestType>;
}
interface ManifestType {
  kind: 'class' | 'interface' | 'enum';
  base?: string;
  docs?: { summary?: string };
  initializer?: { parameters?: { name: string; type: TypeReference }[] };
  properties?: {
    name: string;
    optional?: boolean;
    static?: boolean;
    type: TypeReference;
    docs?: { remarks?: string };
  }[];
}
type TypeReference = {
  fqn?: string;
  primitive?: string;
  collection?: { kind: 'array' | 'map'; elementtype: TypeReference };
  union?: { types: TypeReference[] };
};

const MANIFEST = join(import.meta.dirname, '../node_modules/@cdktf/provider-google/.jsii');
const PACKAGE = '@cdktf/provider-google.';

const texts = (required: string[], computed: string[] = []): BlockSchema => ({
  arguments: new Map(
    required.map((name) => [name, { isRequired: true, block: null, isRepeated: false }] as const),
  ),
  attributes: new Map([...required, ...computed].map((name) => [name, 'string'])),
});

/** The used part of the archive and the time provider, which no package describes (from their documentation, 2.7 and 0.13). */
const ARCHIVE_FILE = texts(['type', 'output_path'], ['output_sha256', 'id']);
ARCHIVE_FILE.arguments.set('source', {
  isRequired: false,
  block: texts(['content', 'filename']),
  isRepeated: true,
});

const TIME_SLEEP: BlockSchema = {
  arguments: new Map(
    ['create_duration', 'destroy_duration', 'triggers'].map(
      (name) => [name, { isRequired: false, block: null, isRepeated: false }] as const,
    ),
  ),
  attributes: new Map<string, AttributeType>([
    ['create_duration', 'string'],
    ['destroy_duration', 'string'],
    ['triggers', ['map', 'string']],
    ['id', 'string'],
  ]),
};

/** The documentation of a class names its Terraform type: `…/hashicorp/google/6.50.0/docs/resources/x google_x}`. */
const DOCUMENTED = /hashicorp\/google\/([\d.]+)\/docs\/(resources|data-sources)\/\w+ (google_\w+)\}/;
/** The documentation of an argument names it: `…/docs/resources/x#build_config X#build_config}`. */
const ARGUMENT = /#(\w+) /;

/**
 * The schema of the google provider. It comes from the npm package @cdktf/provider-google, which is generated from the provider.
 * Throws an error with advice if the package is not installed.
 */
export async function loadProviderSchema(manifestFile = MANIFEST): Promise<ProviderSchema> {
  const text = await readFile(manifestFile, 'utf8').catch((error: unknown) => {
    const advice = 'run `npm run test:tools`';
    throw new Error(`the schema of the google provider is not installed: ${advice}`, { cause: error });
  });
  const { types } = JSON.parse(text) as Manifest;
  const classes = { resources: new Map<string, ManifestType>(), 'data-sources': new Map() };
  let version = '';
  for (const type of Object.values(types)) {
    if (!/^cdktf\.Terraform(Resource|DataSource)$/.test(type.base ?? '')) continue;
    const [, release, kind, name] = DOCUMENTED.exec(type.docs?.summary ?? '') ?? [];
    if (release === undefined || kind === undefined || name === undefined) continue;
    version = release;
    classes[kind as 'resources' | 'data-sources'].set(name, type);
  }
  if (version === '') throw new Error(`${manifestFile} describes no resource of the google provider`);
  const providerClass = Object.values(types).find((type) => type.base === 'cdktf.TerraformProvider');
  if (providerClass === undefined) throw new Error(`${manifestFile} does not describe the provider itself`);

  /** The arguments come from the class's constructor; the computed attributes are the class's other properties. */
  const blockOf = (type: ManifestType | undefined): BlockSchema | undefined => {
    if (type === undefined) return undefined;
    const config = type.initializer?.parameters?.find(({ name }) => name === 'config')?.type.fqn;
    const schema = nested(types, config ?? '');
    const computed = (type.properties ?? [])
      // Blocks have properties for tokens, whose types are separate classes.
      .filter((property) => property.static !== true && structure(property.type) === null)
      .map((property): [string, AttributeType] => [snakeCase(property.name), attributeType(property.type)])
      .filter(([name]) => !name.endsWith('_input'));
    return { ...schema, attributes: new Map([['id', 'string'], ...computed, ...schema.attributes]) };
  };
  return {
    version,
    resource: (type) => (type === 'time_sleep' ? TIME_SLEEP : blockOf(classes.resources.get(type))),
    dataSource: (type) =>
      type === 'archive_file' ? ARCHIVE_FILE : blockOf(classes['data-sources'].get(type)),
    provider: blockOf(providerClass) ?? nested(types, ''),
  };
}

function nested(types: Manifest['types'], name: string): BlockSchema {
  const schema: BlockSchema = { arguments: new Map(), attributes: new Map() };
  for (const property of types[name]?.properties ?? []) {
    const argument = ARGUMENT.exec(property.docs?.remarks ?? '')?.[1] ?? snakeCase(property.name);
    const inner = structure(property.type);
    schema.arguments.set(argument, {
      isRequired: property.optional !== true,
      block: inner === null ? null : nested(types, inner.name),
      isRepeated: inner?.isRepeated ?? false,
    });
    schema.attributes.set(argument, attributeType(property.type));
  }
  return schema;
}

/** The interface of a nested block; the type may be a list of it, or a union of it and a token. */
function structure({ fqn, collection, union }: TypeReference): { name: string; isRepeated: boolean } | null {
  if (fqn?.startsWith(PACKAGE)) return { name: fqn, isRepeated: false };
  if (collection !== undefined) {
    const inner = structure(collection.elementtype);
    return inner && { ...inner, isRepeated: true };
  }
  for (const one of union?.types ?? []) {
    const found = structure(one);
    if (found !== null) return found;
  }
  return null;
}

const PRIMITIVES: Record<string, AttributeType> = { boolean: 'bool', number: 'number' };

/** In a union, the type is the member that is not a token. A computed map has a class of its own. */
function attributeType({ fqn, primitive, collection, union }: TypeReference): AttributeType {
  if (collection !== undefined) {
    return [collection.kind === 'map' ? 'map' : 'list', attributeType(collection.elementtype)];
  }
  const real = union?.types.find((type) => type.fqn === undefined);
  if (real !== undefined) return attributeType(real);
  if (fqn === 'cdktf.StringMap') return ['map', 'string'];
  return PRIMITIVES[primitive ?? ''] ?? 'string';
}

const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
