import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfiguration, TERRAFORM_FOLDER } from '../../tools/terraform/configuration.ts';
import { openComments } from '../../tools/terraform/example-values.ts';
import { hcl } from '../../tools/terraform/hcl.ts';

describe('terraform.tfvars.example', () => {
  let shipped: Record<string, unknown>;
  let opened: Record<string, unknown>;

  before(async () => {
    const text = await readFile(join(TERRAFORM_FOLDER, 'terraform.tfvars.example'), 'utf8');
    const parse = async (values: string) =>
      (await hcl.parse('example.tf', values)) as Record<string, unknown>;
    [shipped, opened] = [await parse(text), await parse(openComments(text))];
  });

  it('names only variables that are declared, and every one that is required', async () => {
    const { variables } = await readConfiguration();
    const required = Object.keys(variables).filter((name) => !('default' in (variables[name] ?? {})));

    for (const values of [shipped, opened]) {
      assert.deepEqual(
        Object.keys(values).filter((name) => !(name in variables)),
        [],
      );
      assert.deepEqual(
        required.filter((name) => !(name in values)),
        [],
      );
    }
  });

  it('holds values only: a file of variables can neither call functions nor refer to anything', () => {
    assert.doesNotMatch(JSON.stringify([shipped, opened]), /\$\{/);
  });

  it('shows more than it sets, and how an authority’s certificate is written', () => {
    const added = Object.keys(opened).filter((name) => !(name in shipped));
    const { tls_ca: authority } = opened.source_database as { tls_ca: string };

    assert.deepEqual(added.toSorted(), ['analyst_groups', 'budget', 'control_database', 'invokers', 'vpc']);
    assert.ok(!('control_instance' in opened), 'one takes the place of the other');
    assert.match(authority, /^-----BEGIN CERTIFICATE-----\n.+\n-----END CERTIFICATE-----\n$/);
  });

  it('begins with ticks that are paused', () => {
    assert.equal(shipped.schedule_paused, true);
  });
});
