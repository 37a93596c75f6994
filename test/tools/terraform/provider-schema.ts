import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a block takes. */
export interface BlockSchema {
  arguments: Map<string, ArgumentSchema>;
  /** Names of what can be read of it: its arguments, and what the provider computes. */
  attributes: Set<string>;
}

export interface ArgumentSchema {
  isRequired: boolean;
  /** Of a nested block, what it takes; null for a plain argument. */
  block: BlockSchema | null;
}

export interface ProviderSchema {
  /** The release that it describes: `6.50.0`. */
  version: string;
  resource(type: string): BlockSchema | undefined;
  dataSource(type: string): BlockSchema | undefined;
  /** Of the provider's own configuration. */
  provider: BlockSchema;
}

/** The part of a jsii manifest that is read: classes with their properties, and the interfaces of what they are made with. */
interface Manifest {
  types: Record<string, ManifestType>;
}
interface ManifestType {
  kind: 'class' | 'interface' | 'enum';
  base?: string;
  docs?: { summary?: string };
  initializer?: { parameters?: { name: string; type: TypeReference }[] };
  properties?: { name: string; optional?: boolean; type: TypeReference; docs?: { remarks?: string } }[];
}
type TypeReference = {
  fqn?: string;
  collection?: { elementtype: TypeReference };
  union?: { types: TypeReference[] };
};

const MANIFEST = join(import.meta.dirname, '../node_modules/@cdktf/provider-google/.jsii');
const PACKAGE = '@cdktf/provider-google.';

/** Its documentation names each class's Terraform type: `…/hashicorp/google/6.50.0/docs/resources/x google_x}`. */
const DOCUMENTED = /hashicorp\/google\/([\d.]+)\/docs\/(resources|data-sources)\/\w+ (google_\w+)\}/;
/** Likewise of each argument: `…/docs/resources/x#build_config X#build_config}`. */
const ARGUMENT = /#(\w+) /;

/**
 * The schema of the google provider, as the npm package @cdktf/provider-google carries it, generated from the provider itself.
 * Throws, saying what to do, if that is not installed.
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

  /** A resource's arguments are those that its class is made with; what it computes are the class's other properties. */
  const blockOf = (type: ManifestType | undefined): BlockSchema | undefined => {
    if (type === undefined) return undefined;
    const made = type.initializer?.parameters?.find(({ name }) => name === 'config')?.type.fqn;
    const schema = nested(types, made ?? '');
    const computed = (type.properties ?? []).map(({ name }) => snakeCase(name));
    return { ...schema, attributes: new Set([...schema.attributes, ...computed, 'id']) };
  };
  return {
    version,
    resource: (type) => blockOf(classes.resources.get(type)),
    dataSource: (type) => blockOf(classes['data-sources'].get(type)),
    provider: blockOf(providerClass) ?? nested(types, ''),
  };
}

function nested(types: Manifest['types'], name: string): BlockSchema {
  const properties = types[name]?.properties ?? [];
  const entries = properties.map((property): [string, ArgumentSchema] => {
    const inner = structure(property.type);
    return [
      ARGUMENT.exec(property.docs?.remarks ?? '')?.[1] ?? snakeCase(property.name),
      { isRequired: property.optional !== true, block: inner === null ? null : nested(types, inner) },
    ];
  });
  return { arguments: new Map(entries), attributes: new Set(entries.map(([argument]) => argument)) };
}

/** The interface that describes a nested block, which may stand in a list, or beside a token for it. */
function structure({ fqn, collection, union }: TypeReference): string | null {
  if (fqn?.startsWith(PACKAGE)) return fqn;
  if (collection !== undefined) return structure(collection.elementtype);
  for (const one of union?.types ?? []) {
    const found = structure(one);
    if (found !== null) return found;
  }
  return null;
}

const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
