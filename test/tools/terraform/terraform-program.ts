import { execFile } from 'node:child_process';

export interface Outcome {
  isOk: boolean;
  output: string;
}

/** Runs `terraform` in a folder. Rejects if the program does not exist. */
export function terraform(
  folder: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const quiet = { TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1' };
  const options = { cwd: folder, env: { ...process.env, ...quiet, ...env }, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile('terraform', [...args, '-no-color'], options, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') reject(error);
      else resolve({ isOk: error === null, output: stdout + stderr });
    });
  });
}

/** The version of `terraform` in the PATH, such as [1, 11]; null if there is none. */
export async function terraformVersion(): Promise<[major: number, minor: number] | null> {
  try {
    const { output } = await terraform('.', ['version']);
    const [, major, minor] = /^Terraform v(\d+)\.(\d+)/m.exec(output) ?? [];
    return [Number(major), Number(minor)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
