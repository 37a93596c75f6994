/** Values of variables that are no good, each with what Terraform is to say of it; the required variables are given beside them. */
export interface RefusedValue {
  what: string;
  variables: Record<string, unknown>;
  message: RegExp;
}

const CONNECTOR = 'projects/p/locations/asia-southeast1/connectors/c';
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';

const control = (values: object) => ({ control_instance: values });
const source = (values: object) => ({ source_database: values });

const BY_MESSAGE: [message: RegExp, refused: Record<string, Record<string, unknown>>][] = [
  [
    /^The values in alert_after must be whole numbers, none below 0\.$/,
    {
      'half a minute without a tick': { alert_after: { no_tick_minutes: 37.5 } },
      'half a minute behind': { alert_after: { behind_minutes: 30.5 } },
      'half a minute without a batch': { alert_after: { no_applied_minutes: 120.5 } },
      'half a failed call': { alert_after: { failed_calls: 0.5 } },
      'fewer failed calls than none': { alert_after: { failed_calls: -1 } },
    },
  ],
  [
    /^alert_after\.behind_minutes must be between 1 and 1440\.$/,
    { 'two days behind': { alert_after: { behind_minutes: 2880 } } },
  ],
  [
    /^alert_after\.no_applied_minutes and alert_after\.no_tick_minutes must be between 20 and 1410: /,
    {
      'two days without a batch': { alert_after: { no_applied_minutes: 2880 } },
      'ticks that are missed before their lines arrive': { alert_after: { no_tick_minutes: 19 } },
    },
  ],
  [
    /^The minutes in alert_after must exceed the longest rest of schedule, 60 minutes, by 10 or more/,
    {
      'an alert between hourly ticks': { schedule: '0 * * * *', alert_after: { no_tick_minutes: 60 } },
      'an alert on views at every hourly tick': {
        schedule: '7 * * * *',
        alert_after: { behind_minutes: 30 },
      },
    },
  ],
  [
    /^The minutes in alert_after must exceed the longest rest of schedule, 600 minutes, by 10 or more/,
    {
      'an alert in every night': { schedule: '0 6-20 * * *', alert_after: { no_tick_minutes: 560 } },
    },
  ],
  [
    /^Leave alert_after\.no_applied_minutes and alert_after\.no_tick_minutes out: schedule rests for whole days/,
    {
      'an alert on every Sunday': { schedule: '*/5 * * * mon-sat', alert_after: { no_tick_minutes: 60 } },
    },
  ],
  [
    /^Each of alert_channels must have the form projects\/PROJECT\/notificationChannels\/NUMBER: gcloud beta/,
    { 'a channel by its name': { alert_channels: ['pager'] } },
  ],
  [
    /^Each of alert_emails must be an e-mail address\.$/,
    { 'an address that is none': { alert_emails: ['data-team'] } },
  ],
  [
    /^Each of analyst_groups must be the e-mail address of a group\.$/,
    { 'a group by its name': { analyst_groups: ['analysts'] } },
  ],
  [
    /^budget\.billing_account must have the form 012345-6789AB-CDEF01: gcloud billing accounts list\.$/,
    {
      'a billing account by its name': { budget: { billing_account: 'mine', amount: 50, currency: 'EUR' } },
    },
  ],
  [
    /^budget\.amount must be a whole number of 1 or more\.$/,
    {
      'a budget with cents': {
        budget: { billing_account: '012345-6789AB-CDEF01', amount: 9.5, currency: 'EUR' },
      },
    },
  ],
  [
    /^budget\.currency must be a code of three capitals/,
    {
      'a currency by its sign': {
        budget: { billing_account: '012345-6789AB-CDEF01', amount: 50, currency: '€' },
      },
    },
  ],
  [
    /^Give either control_database\.cloud_sql_instance, which exists, or control_instance, which is made\.$/,
    {
      'two control instances': {
        control_database: { cloud_sql_instance: 'my-project:asia-southeast1:db' },
        control_instance: {},
      },
    },
  ],
  [
    /^cloud_sql_instance of control_database and source_database must have the form project:region:instance\.$/,
    {
      'an instance of the source without its region': source({ cloud_sql_instance: 'my-project:smartapp' }),
      'a control instance without its project': { control_database: { cloud_sql_instance: 'control' } },
    },
  ],
  [
    /^cloud_sql_ip_type of control_database and source_database must be PUBLIC, PRIVATE or PSC\.$/,
    { 'an IP type that is none': source({ cloud_sql_ip_type: 'ANY' }) },
  ],
  [
    /^tls of control_database and source_database must be disable, require, verify-ca or verify-full\.$/,
    {
      'a TLS mode that may fall back': source({ tls: 'prefer' }),
      'a TLS mode of the control database that may': { control_database: { tls: 'allow' } },
    },
  ],
  [
    /^tls_ca of control_database and source_database must be a certificate in PEM form: copy the lines/,
    {
      'an authority by its file': source({ tls_ca: 'ca.pem' }),
      'a control authority that is cut off': {
        control_database: { tls_ca: '-----BEGIN CERTIFICATE-----' },
      },
    },
  ],
  [
    /^tls_ca of control_database or source_database is of no use while its tls is disable/,
    { 'an authority without TLS': { control_database: { tls: 'disable', tls_ca: PEM } } },
  ],
  [
    /^control_instance\.availability_type must be ZONAL or REGIONAL\.$/,
    { 'an availability that is none': control({ availability_type: 'GLOBAL' }) },
  ],
  [
    /^control_instance\.database_version must be POSTGRES_14 to POSTGRES_18\.$/,
    { 'another database': control({ database_version: 'MYSQL_8_0' }) },
  ],
  [
    /^The days and the hour in control_instance must be whole numbers\.$/,
    {
      'half a day of backups': control({ backup_days: 7.5 }),
      'half a day of logs': control({ transaction_log_days: 6.5 }),
      'half a weekday': control({ maintenance_day: 1.5 }),
      'half an hour': control({ maintenance_hour: 3.5 }),
    },
  ],
  [
    /^control_instance\.backup_days must be between 1 and 365, transaction_log_days between 1 and 7\.$/,
    { 'logs of eight days': control({ transaction_log_days: 8 }) },
  ],
  [
    /^control_instance\.backup_days must not be less than transaction_log_days: .* Raise the first or lower the second\.$/,
    { 'logs without their backup': control({ backup_days: 3 }) },
  ],
  [
    /^control_instance\.maintenance_day must be between 1 \(Monday\) and 7, maintenance_hour between 0 and 23 \(UTC\)\.$/,
    { 'an eighth weekday': control({ maintenance_day: 8 }) },
  ],
  [
    /^control_instance\.private_network must end with projects\/PROJECT\/global\/networks\/NETWORK\.$/,
    {
      'a private network by its name': {
        ...control({ private_network: 'default' }),
        vpc: { connector: CONNECTOR },
      },
    },
  ],
  [
    /^The names in datasets may hold letters, digits and underscores only, at most 1000\.$/,
    { 'a dataset with a dash': { datasets: { temp: 'SMart-Data' } } },
  ],
  [
    /^The names in datasets must differ from each other\.$/,
    { 'datasets of one name': { datasets: { temp: 'one', target: 'one' } } },
  ],
  [
    /^environment must be empty, or 2 to 12 lower-case letters/,
    {
      'an environment that is too long': { environment: 'acceptance-te' },
      'an environment with capitals': { environment: 'Test' },
    },
  ],
  [
    /^ingress must be ALLOW_ALL or ALLOW_INTERNAL_ONLY\.$/,
    { 'an ingress that is none': { ingress: 'NONE' } },
  ],
  [
    /^Each of invokers must have the form user:…, group:… or serviceAccount:…; nobody else can be let in\.$/,
    { 'callers that are everybody': { invokers: ['allUsers'] } },
  ],
  [
    /^Keys and values of labels hold at most 63 lower-case letters/,
    { 'a label with capitals': { labels: { Team: 'data' } } },
  ],
  [
    /^The labels application, environment and managed-by are set already: use other keys\.$/,
    {
      'a label that is set already': { labels: { application: 'mine' } },
      'the label of the tool': { labels: { 'managed-by': 'me' } },
    },
  ],
  [
    /^location must be EU, US or a region, such as asia-southeast1\.$/,
    { 'a location that is none': { location: 'singapore', region: 'singapore' } },
  ],
  [/^max_instances must be a whole number between 1 and 100\.$/, { 'no instance': { max_instances: 0 } }],
  [/^project must be a project id: /, { 'a project by its title': { project: 'My project' } }],
  [
    /^region must lie in location: europe-… for EU, us-… for US, else the same region\.$/,
    {
      'a region outside the location': { location: 'EU', region: 'us-central1' },
      'two regions': { region: 'asia-east1' },
    },
  ],
  [
    /^region must be a region, such as europe-west1\.$/,
    { 'a region that is a zone': { location: 'US', region: 'us-central1-a' } },
  ],
  [
    /^schedule must be five cron fields with a space between them, .*; a step follows \* or a range, and is not greater than/,
    {
      'a cron of words': { schedule: 'every 5 minutes' },
      'a cron of four fields': { schedule: '* * * *' },
      'a cron with a minute 60': { schedule: '60 * * * *' },
      'a cron with an hour 24': { schedule: '0 24 * * *' },
      'a cron with a day 32': { schedule: '0 0 32 * *' },
      'a cron with a month 13': { schedule: '0 0 1 13 *' },
      'a cron with a weekday 8': { schedule: '0 0 * * 8' },
      'a cron with two spaces': { schedule: '*/5  * * * *' },
      'a cron with a step of 99 minutes': { schedule: '*/99 * * * *' },
      'a cron with a step of 24 hours': { schedule: '0 */24 * * *' },
      'a cron with a step of 13 months': { schedule: '0 0 1 */13 *' },
      'a cron with a step of nothing': { schedule: '*/0 * * * *' },
      'a cron with a step from a value': { schedule: '5/10 * * * *' },
    },
  ],
  [
    /^A range in schedule must not run backwards: write "22-23,0-5"/,
    {
      'minutes backwards': { schedule: '5-1 * * * *' },
      'hours backwards': { schedule: '0 22-5 * * *' },
      'months backwards': { schedule: '0 0 1 nov-feb *' },
      'weekdays backwards': { schedule: '0 0 * * sat-sun' },
    },
  ],
  [
    /^schedule_time_zone must be a name of the tz database/,
    { 'a time zone by its offset': { schedule_time_zone: '+07:00' } },
  ],
  [
    /^settings\.log_level must be info, debug or trace: /,
    { 'a log that is too quiet for alerts': { settings: { log_level: 'warn' } } },
  ],
  [
    /^The seconds in settings must be whole numbers between 1 and 86400\.$/,
    { 'half a second': { settings: { grace_seconds: 0.5 } } },
  ],
  [
    /^settings\.statement_timeout_seconds must not exceed 540, the functions' time limit: /,
    { 'statements that outlive their function': { settings: { statement_timeout_seconds: 600 } } },
  ],
  [
    /^In settings, keep_days must be between 8 and 36500, /,
    { 'seventeen slices': { settings: { max_slices: 17, source_connections: 20 } } },
  ],
  [
    /^settings\.source_connections must be greater than settings\.max_slices, which are a part of them\.$/,
    { 'more slices than connections': { settings: { max_slices: 10 } } },
  ],
  [
    /^staging_days must be a whole number between 3 and 365\.$/,
    { 'staged objects of two days': { staging_days: 2 } },
  ],
  [
    /^The names in topics must have 3 to 240 letters, digits and -_\.~\+%, begin with a letter, and not with goog\.$/,
    { 'a topic with a space': { topics: { extract: 'cdc extract' } } },
  ],
  [
    /^The names in topics must differ from each other\.$/,
    { 'topics of one name': { topics: { extract: 'cdc', merge: 'cdc' } } },
  ],
  [
    /^vpc takes either connector, or network and ip_cidr_range\.$/,
    {
      'half a network': { vpc: { network: 'default' } },
      'a network beside a connector': { vpc: { connector: CONNECTOR, network: 'default' } },
    },
  ],
  [
    /^vpc\.connector must have the form projects\/PROJECT\/locations\/REGION\/connectors\/NAME, in the region/,
    { 'a connector of another region': { vpc: { connector: CONNECTOR.replace('southeast1', 'east1') } } },
  ],
  [
    /^vpc\.ip_cidr_range must be a range of 16 addresses from its first one on, such as 10\.8\.0\.0\/28\.$/,
    { 'a range of 256': { vpc: { network: 'default', ip_cidr_range: '10.8.0.0/24' } } },
  ],
  [
    /^vpc\.egress must be PRIVATE_RANGES_ONLY or ALL_TRAFFIC\.$/,
    { 'an egress that is none': { vpc: { connector: CONNECTOR, egress: 'ALL' } } },
  ],
  [
    /^vpc\.network and control_instance\.private_network must be the same network: /,
    {
      'a control instance in another network': {
        ...control({ private_network: 'projects/my-project/global/networks/databases' }),
        vpc: { network: 'default', ip_cidr_range: '10.8.0.0/28' },
      },
    },
  ],
  [
    /^A database with a private address needs vpc\.$/,
    {
      'a private address without a way': source({
        cloud_sql_instance: 'my-project:asia-southeast1:db',
        cloud_sql_ip_type: 'PRIVATE',
      }),
    },
  ],
];

export const REFUSED_VALUES: RefusedValue[] = BY_MESSAGE.flatMap(([message, refused]) =>
  Object.entries(refused).map(([what, variables]) => ({ what, variables, message })),
);
