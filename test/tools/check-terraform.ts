/**
 * The command `npm run check:terraform` checks terraform/ with Terraform (terraform/check.ts) and prints the results. The exit code
 * is 0 only if no problem was found.
 */
import { checkTerraform } from './terraform/check.ts';

const { problems, passed, notes } = await checkTerraform();
for (const note of notes) console.log(`NOTE     ${note}`);
for (const step of passed) console.log(`ok       ${step}`);
for (const [step, output] of Object.entries(problems)) {
  console.log(`failed   ${step}`);
  console.error(output);
  process.exitCode = 1;
}
