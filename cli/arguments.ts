import type { Argv } from 'yargs';

/** The options of every command. */
export type GlobalOptions = {
  data: string | undefined;
  project: string | undefined;
  region: string | undefined;
  environment: string | undefined;
  'impersonate-service-account': string | undefined;
  json: boolean;
};

/** Declares the options of every command. */
export const withGlobalOptions = (parser: Argv): Argv<GlobalOptions> =>
  parser
    .option('data', {
      type: 'string',
      requiresArg: true,
      describe: 'Laptop: folder, if not .data',
    })
    .option('project', {
      type: 'string',
      requiresArg: true,
      describe: 'Cloud: or DATAHUB_PROJECT',
    })
    .option('region', { type: 'string', requiresArg: true, describe: 'Cloud: or DATAHUB_REGION' })
    .option('environment', {
      type: 'string',
      requiresArg: true,
      describe: 'Cloud: or DATAHUB_ENVIRONMENT',
    })
    .option('impersonate-service-account', {
      type: 'string',
      requiresArg: true,
      describe: 'Cloud: act as this account',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
    .conflicts('data', ['project', 'region', 'environment', 'impersonate-service-account']);

/** Why somebody asks, for the audit. */
export const withWhy = <T>(parser: Argv<T>): Argv<T & { why: string | undefined }> =>
  parser.option('why', { type: 'string', requiresArg: true, describe: 'Why, for the audit' });

/** Repeats a command that shows something. */
export const withWatch = <T>(parser: Argv<T>): Argv<T & { watch: boolean }> =>
  parser.option('watch', {
    alias: 'w',
    type: 'boolean',
    default: false,
    describe: 'Show it again every two seconds, until Ctrl-C',
  });

/** Agrees to a dangerous command without being asked. */
export const withYes = <T>(parser: Argv<T>): Argv<T & { yes: boolean }> =>
  parser.option('yes', {
    alias: 'y',
    type: 'boolean',
    default: false,
    describe: 'Do not ask for a confirmation',
  });
