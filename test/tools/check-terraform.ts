/**
 * The command `npm run check:terraform`: prints what Terraform itself says of terraform/ (terraform/check.ts). The exit code is 0
 * only if no fault was found.
 */
import { checkTerraform } from './terraform/check.ts';

const { faults, passed, notes } = await checkTerraform();
for (const note of notes) console.log(`NOTE     ${note}`);
for (const what of passed) console.log(`ok       ${what}`);
for (const [what, output] of Object.entries(faults)) {
  console.log(`refused  ${what}`);
  console.error(output);
  process.exitCode = 1;
}
