import type { ArgumentsCamelCase } from 'yargs';
import type { GlobalOptions } from '../arguments.ts';
import { UsageError } from '../command-error.ts';
import type { Installation } from '../installation.ts';

type Environment = Record<string, string | undefined>;

/**
 * Finds what the command acts on: with a project, an installation in the cloud, otherwise the stack of a running `npm start`. Throws `UsageError`
 * for options that do not fit, and `CommandError` if no stack runs.
 */
export async function connect(
  options: ArgumentsCamelCase<GlobalOptions>,
  env: Environment,
): Promise<Installation> {
  const { data, impersonateServiceAccount } = options;
  const isLocal = data !== undefined;
  const project = isLocal ? undefined : (options.project ?? given(env.DATAHUB_PROJECT));
  if (project === undefined) {
    for (const name of ['region', 'environment', 'impersonateServiceAccount'] as const) {
      if (options[name] !== undefined)
        throw new UsageError(`--${DASHED[name]} needs --project, or DATAHUB_PROJECT`);
    }
    const { openStack } = await import('./local-stack.ts');
    return await openStack(data);
  }
  const region = options.region ?? given(env.DATAHUB_REGION);
  if (region === undefined) throw new UsageError('--project needs --region, or DATAHUB_REGION');
  const environment = options.environment ?? given(env.DATAHUB_ENVIRONMENT);
  for (const [name, value, form] of [
    ['project', project, /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/],
    ['region', region, /^[a-z]+-[a-z]+[0-9]+$/],
    ['environment', environment ?? 'test', /^[a-z][a-z0-9-]*$/],
  ] as const) {
    if (!form.test(value)) throw new UsageError(`--${name} ${JSON.stringify(value)} is no ${name}`);
  }
  const { openCloud } = await import('./cloud.ts');
  return await openCloud({ project, region, environment, impersonate: impersonateServiceAccount, env });
}

const DASHED = {
  region: 'region',
  environment: 'environment',
  impersonateServiceAccount: 'impersonate-service-account',
} as const;

/** An empty variable counts as not set. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
