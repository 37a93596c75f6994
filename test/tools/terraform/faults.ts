import type { Body, Configuration, TerraformObject } from './configuration.ts';
import type { ArgumentSchema, BlockSchema, ProviderSchema } from './provider-schema.ts';
import { type Reference, referencesIn } from './references.ts';

/**
 * Everything that the provider would refuse of a configuration before it asks Google anything, and what Terraform would refuse of
 * its references: one line each, beginning with the place. Variables must have a type without `any`, a description and a use.
 */
export async function faultsOf(configuration: Configuration, schema: ProviderSchema): Promise<string[]> {
  const { resources, dataSources } = configuration;
  return [
    ...resources.flatMap((object) => objectFaults(object, schema.resource(object.type))),
    ...dataSources.flatMap((object) => objectFaults(object, schema.dataSource(object.type))),
    ...Object.entries(configuration.providers).flatMap(([name, body]) =>
      bodyFaults(`provider ${name}`, body, name === 'google' ? schema.provider : NOTHING, ['alias']),
    ),
    ...variableFaults(configuration.variables),
    ...(await referenceFaults(configuration, schema)),
  ];
}

/** What takes plain arguments, none of which is required. */
const taking = (...names: string[]): BlockSchema => ({
  arguments: new Map(
    names.map((name) => [name, { isRequired: false, block: null, isRepeated: false }] as const),
  ),
  attributes: new Map(),
});
const NOTHING = taking();

/** Those of Terraform itself, in any resource. */
const META_ARGUMENTS = ['count', 'depends_on', 'for_each', 'provider'];
const LIFECYCLE = taking(
  'create_before_destroy',
  'ignore_changes',
  'prevent_destroy',
  'replace_triggered_by',
);

function objectFaults({ address, body }: TerraformObject, schema: BlockSchema | undefined): string[] {
  if (schema === undefined) return [`${address}: the provider has no such type`];
  const { lifecycle, ...own } = body;
  return [
    ...bodyFaults(address, own, schema, META_ARGUMENTS),
    ...bodiesOf(lifecycle).flatMap((inner) => bodyFaults(`${address}.lifecycle`, inner, LIFECYCLE)),
  ];
}

function bodyFaults(place: string, body: Body, schema: BlockSchema, allowed: string[] = []): string[] {
  const { dynamic, ...given } = body;
  const generated = Object.entries((dynamic ?? {}) as Record<string, Body[]>).map(
    ([name, bodies]): [string, unknown] => [name, bodies.flatMap(({ content }) => bodiesOf(content))],
  );
  const all = [...Object.entries(given), ...generated];
  const names = new Set(all.map(([name]) => name));
  const missing = [...schema.arguments].filter(([name, { isRequired }]) => isRequired && !names.has(name));
  return [
    ...missing.map(([name]) => `${place}: ${name} is missing`),
    ...all
      .filter(([name]) => !allowed.includes(name))
      .flatMap(([name, value]) => valueFaults(`${place}.${name}`, value, schema.arguments.get(name))),
  ];
}

function valueFaults(place: string, value: unknown, schema: ArgumentSchema | undefined): string[] {
  if (schema === undefined) return [`${place}: the provider has no such argument`];
  const bodies = bodiesOf(value);
  const inner = schema.block;
  if (inner === null) return bodies.length > 0 ? [`${place}: is an argument, not a block`] : [];
  if (bodies.length === 0) return [`${place}: is a block, not an argument`];
  return bodies.flatMap((body) => bodyFaults(place, body, inner));
}

/** A block's bodies; none of a value that is no block. */
function bodiesOf(value: unknown): Body[] {
  const isBody = (one: unknown): one is Body =>
    typeof one === 'object' && one !== null && !Array.isArray(one);
  return Array.isArray(value) && value.every(isBody) ? value : [];
}

function variableFaults(variables: Record<string, Body>): string[] {
  return Object.entries(variables).flatMap(([name, { type, description }]) => [
    ...(type === undefined ? [`variable ${name}: has no type`] : []),
    ...(/\bany\b/.test(String(type)) ? [`variable ${name}: takes anything`] : []),
    ...(typeof description === 'string' && description !== ''
      ? []
      : [`variable ${name}: has no description`]),
  ]);
}

/** Of Terraform itself; `each` and `count` are not told from where they are not. */
const BUILT_IN = new Set(['count', 'each', 'path', 'terraform']);

async function referenceFaults(configuration: Configuration, schema: ProviderSchema): Promise<string[]> {
  const places: [string, unknown][] = [
    ...[...configuration.resources, ...configuration.dataSources].map(
      ({ address, body }): [string, unknown] => [address, body],
    ),
    ...Object.entries(configuration.locals).map(([name, value]): [string, unknown] => [
      `local.${name}`,
      value,
    ]),
    ...Object.entries(configuration.outputs).map(([name, value]): [string, unknown] => [
      `output ${name}`,
      value,
    ]),
    ...Object.entries(configuration.checks).map(([name, value]): [string, unknown] => [
      `check ${name}`,
      value,
    ]),
    ...Object.entries(configuration.providers).map(([name, value]): [string, unknown] => [
      `provider ${name}`,
      value,
    ]),
    ...Object.entries(configuration.variables).map(([name, { type, ...value }]): [string, unknown] => [
      `variable ${name}`,
      value,
    ]),
  ];
  const used = new Set<string>();
  const faults: string[] = [];
  const needs = new Map<string, string[]>();
  for (const [place, value] of places) {
    const iterators = dynamicNames(value);
    const references = await referencesIn(value);
    needs.set(place, references.map(addressOf));
    for (const reference of references) {
      const [first = '', second] = reference;
      // A variable's own validation is no use of it.
      if (place !== `variable ${second}`) used.add(`${first}.${second}`);
      if (BUILT_IN.has(first) || iterators.has(first)) continue;
      const fault = referenceFault(reference, configuration, schema);
      if (fault !== null) faults.push(`${place}: ${reference.join('.')} ${fault}`);
    }
  }
  const declared = [
    ...Object.keys(configuration.variables).map((name) => `var.${name}`),
    ...Object.keys(configuration.locals).map((name) => `local.${name}`),
  ];
  const circle = findCircle(needs);
  return [
    ...faults,
    ...declared.filter((name) => !used.has(name)).map((name) => `${name}: is not used`),
    ...(circle === null ? [] : [`${circle.join(' → ')}: a circle`]),
  ];
}

/** The object that a reference is to: `local.a`, `google_pubsub_topic.topic`, `data.google_project.project`. */
function addressOf(reference: Reference): string {
  return reference.slice(0, reference[0] === 'data' ? 3 : 2).join('.');
}

/** Objects that need each other, the first one repeated at the end; null when there are none. */
function findCircle(needs: ReadonlyMap<string, string[]>): string[] | null {
  const free = new Set<string>();
  const visit = (address: string, path: string[]): string[] | null => {
    if (path.includes(address)) return [...path.slice(path.indexOf(address)), address];
    if (free.has(address)) return null;
    for (const needed of needs.get(address) ?? []) {
      const circle = visit(needed, [...path, address]);
      if (circle !== null) return circle;
    }
    free.add(address);
    return null;
  };
  for (const address of needs.keys()) {
    const circle = visit(address, []);
    if (circle !== null) return circle;
  }
  return null;
}

function referenceFault(
  reference: Reference,
  configuration: Configuration,
  schema: ProviderSchema,
): string | null {
  const [first = '', second = '', third = '', fourth] = reference;
  if (first === 'var') return second in configuration.variables ? null : 'is not declared';
  if (first === 'local') return second in configuration.locals ? null : 'is not declared';
  const isData = first === 'data';
  const address = isData ? `data.${second}.${third}` : `${first}.${second}`;
  const objects = isData ? configuration.dataSources : configuration.resources;
  const object = objects.find((one) => one.address === address);
  if (object === undefined) return 'is not declared';
  const attribute = isData ? fourth : third;
  const known = (isData ? schema.dataSource(object.type) : schema.resource(object.type))?.attributes;
  const isKnown = attribute === undefined || attribute === '' || known === undefined || known.has(attribute);
  return isKnown ? null : 'is no attribute of it';
}

/** The names of dynamic blocks at any depth, each of which is the iterator of its content. */
function dynamicNames(value: unknown): Set<string> {
  if (typeof value !== 'object' || value === null) return new Set();
  const own = 'dynamic' in value && typeof value.dynamic === 'object' ? Object.keys(value.dynamic ?? {}) : [];
  return new Set([...own, ...Object.values(value).flatMap((member) => [...dynamicNames(member)])]);
}
