import assert from 'node:assert/strict';
import { checkTerraform } from '../../tools/terraform/check.ts';
import { readFiles } from '../../tools/terraform/configuration.ts';
import { loadProviderSchema } from '../../tools/terraform/provider-schema.ts';
import { terraformVersion } from '../../tools/terraform/terraform-program.ts';

const version = await terraformVersion();

describe('Terraform', () => {
  it('requires the release of the google provider that the configuration is checked against', async () => {
    const [major, minor] = (await loadProviderSchema()).version.split('.').map(Number);
    const { 'versions.tf': versions = '' } = await readFiles();

    assert.match(versions, new RegExp(`">= ${major}\\.${minor}, < ${Number(major) + 1}\\.0"`));
  });

  if (version === null) {
    it('IS NOT RUN, because there is no program `terraform` in the PATH', () => {
      console.log('      NOT RUN  terraform fmt, validate and test; install Terraform to run them');
    });
    return;
  }

  it('I12 finds no problem in format, types, plans, permissions, validation rules and the example', async function () {
    this.timeout(600_000);

    const { problems, passed, notes } = await checkTerraform();

    for (const note of notes) console.log(`      NOTE  ${note}`);
    assert.deepEqual(problems, {});
    assert.deepEqual(passed.toSorted(), ['example', 'format', 'tests', 'validate']);
  });
});
