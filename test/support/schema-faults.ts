import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { SCHEMA } from '../../cli/propose/proposal-file.ts';

/** What an editor that obeys the committed JSON Schema finds wrong with a file of view sources: the place and a message for each fault. */
export async function schemaFaults(file: unknown): Promise<string[]> {
  const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(
    JSON.parse(await readFile(SCHEMA, 'utf8')),
  );
  // As JSON has it: without fields that are undefined.
  validate(JSON.parse(JSON.stringify(file)));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}
