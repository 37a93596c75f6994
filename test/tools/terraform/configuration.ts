import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hcl } from './hcl.ts';

/** A block's content: arguments as values or as expressions `${…}`, nested blocks as lists of bodies. */
export type Body = Record<string, unknown>;

export interface TerraformObject {
  type: string;
  name: string;
  body: Body;
  /** As expressions refer to it: `google_pubsub_topic.topic`, `data.google_project.project`. */
  address: string;
}

/** What a folder's .tf files declare. */
export interface Configuration {
  resources: TerraformObject[];
  dataSources: TerraformObject[];
  /** The provider's configuration by its name. */
  providers: Record<string, Body>;
  variables: Record<string, Body>;
  locals: Record<string, unknown>;
  outputs: Record<string, Body>;
  checks: Record<string, Body>;
}

export const TERRAFORM_FOLDER = join(import.meta.dirname, '../../../terraform');

/** Reads a folder. Throws where a file is not HCL, with its name and line, and when no file is there. */
export async function readConfiguration(folder = TERRAFORM_FOLDER): Promise<Configuration> {
  const files: Record<string, string> = {};
  for await (const name of glob('*.tf', { cwd: folder })) {
    files[name] = await readFile(join(folder, name), 'utf8');
  }
  if (Object.keys(files).length === 0) throw new Error(`no .tf file in ${folder}`);
  return await parseConfiguration(files);
}

/** One block of HCL's JSON form: labels lead to bodies, `{"resource": {type: {name: [body]}}}`. */
type Labelled = Record<string, Record<string, Body[]>>;
type Parsed = {
  resource?: Labelled;
  data?: Labelled;
  provider?: Record<string, Body[]>;
  variable?: Record<string, Body[]>;
  output?: Record<string, Body[]>;
  check?: Record<string, Body[]>;
  locals?: Body[];
};

/** Reads files given by their names. Throws where one is not HCL, and where something is declared twice. */
export async function parseConfiguration(files: Record<string, string>): Promise<Configuration> {
  const parsed: Parsed[] = [];
  for (const [name, content] of Object.entries(files))
    parsed.push((await hcl.parse(name, content)) as Parsed);
  return {
    resources: parsed.flatMap((file) => objectsOf(file.resource, '')),
    dataSources: parsed.flatMap((file) => objectsOf(file.data, 'data.')),
    providers: unique(parsed.flatMap((file) => entriesOf(file.provider))),
    variables: unique(parsed.flatMap((file) => entriesOf(file.variable))),
    locals: unique(parsed.flatMap((file) => (file.locals ?? []).flatMap((body) => Object.entries(body)))),
    outputs: unique(parsed.flatMap((file) => entriesOf(file.output))),
    checks: unique(parsed.flatMap((file) => entriesOf(file.check))),
  };
}

function objectsOf(labelled: Labelled | undefined, prefix: string): TerraformObject[] {
  return Object.entries(labelled ?? {}).flatMap(([type, named]) =>
    entriesOf(named).map(([name, body]) => ({ type, name, body, address: `${prefix}${type}.${name}` })),
  );
}

function entriesOf(named: Record<string, Body[]> | undefined): [string, Body][] {
  return Object.entries(named ?? {}).flatMap(([name, bodies]) =>
    bodies.map((body): [string, Body] => [name, body]),
  );
}

function unique<T>(entries: [string, T][]): Record<string, T> {
  const found: Record<string, T> = {};
  for (const [name, value] of entries) {
    if (name in found) throw new Error(`${name} is declared twice`);
    found[name] = value;
  }
  return found;
}
