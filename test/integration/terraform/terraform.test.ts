import assert from 'node:assert/strict';
import { checkTerraform } from '../../tools/terraform/check.ts';
import { terraformVersion } from '../../tools/terraform/terraform-program.ts';

const version = await terraformVersion();

describe('Terraform itself', () => {
  if (version === null) {
    it('IS NOT ASKED: there is no program `terraform` in the PATH', () => {
      console.log('      NOT RUN  terraform fmt, validate and test: install Terraform to have them');
    });
    return;
  }

  it('finds no fault in form, references, plans and wiring, and refuses what is no good by its message', async () => {
    const { faults, passed, notes } = await checkTerraform();

    for (const note of notes) console.log(`      NOTE  ${note}`);
    assert.deepEqual(faults, {});
    assert.deepEqual(passed.toSorted(), ['form', 'refusals', 'tests', 'validate']);
  });
});
