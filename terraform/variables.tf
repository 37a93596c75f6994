variable "admin_iap" {
  description = "Opens the page of the operators at https://DOMAIN, behind a load balancer with Identity-Aware Proxy; null: by gcloud run services proxy only. Deploy once without it (README.md)."
  type = object({
    domain = string
  })
  default = null

  validation {
    condition     = var.admin_iap == null ? true : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.admin_iap.domain)) && length(var.admin_iap.domain) <= 63
    error_message = "admin_iap.domain must be a domain name of at most 63 lower-case characters, such as datahub.example.com."
  }
}

variable "admin_min_instances" {
  description = "Number of instances of admin that wait for a user. 0 costs nothing, and the first page after a pause takes some seconds."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.admin_min_instances >= 0 && var.admin_min_instances <= var.max_instances && floor(var.admin_min_instances) == var.admin_min_instances
    error_message = "admin_min_instances must be a whole number between 0 and max_instances."
  }
}

variable "admin_operators" {
  description = "E-mail addresses of the accounts that may see everything on the page of the operators, also values of rows, and act."
  type        = set(string)
  default     = []
  nullable    = false

  # The rule applies to both lists.
  validation {
    condition     = alltrue([for email in setunion(var.admin_operators, var.admin_viewers) : can(regex("^[^@\\s,:]+@[^@\\s,:]+\\.[^@\\s,:]+$", email)) && email == lower(email)])
    error_message = "Each of admin_operators and admin_viewers must be the e-mail address of one account, in lower case: IAM would change it otherwise. A group has no identity token of its own."
  }

  validation {
    condition     = length(setintersection(var.admin_operators, var.admin_viewers)) == 0
    error_message = "An account in admin_operators may look as well: leave it out of admin_viewers."
  }
}

variable "admin_viewers" {
  description = "E-mail addresses of the accounts that may look at the page of the operators, without values of rows. The validation rules are in admin_operators."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "alert_after" {
  description = "Alert thresholds. behind_minutes: how long a view may be behind. failed_calls: how many 5xx responses are accepted within 15 minutes. no_applied_minutes: how long no batch may be applied and no view be up to date. no_tick_minutes: how long no tick may arrive. The default of the minutes is the longest pause of the schedule plus 25, for no_applied_minutes plus 115; with a tick every five minutes this makes 30, 120 and 30."
  type = object({
    behind_minutes     = optional(number)
    failed_calls       = optional(number, 20)
    no_applied_minutes = optional(number)
    no_tick_minutes    = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.alert_after) : value == null ? true : value >= 0 && floor(value) == value])
    error_message = "The values in alert_after must be whole numbers of 0 or more."
  }

  validation {
    condition     = var.alert_after.behind_minutes == null ? true : var.alert_after.behind_minutes >= 1 && var.alert_after.behind_minutes <= 1440
    error_message = "alert_after.behind_minutes must be between 1 and 1440."
  }

  validation {
    condition     = alltrue([for minutes in [var.alert_after.no_applied_minutes, var.alert_after.no_tick_minutes] : minutes == null ? true : minutes >= 20 && minutes <= local.look_back_minutes])
    error_message = "alert_after.no_applied_minutes and alert_after.no_tick_minutes must be between 20 and ${local.look_back_minutes}: log lines arrive late, and Cloud Monitoring looks back one day at most."
  }

  validation {
    condition     = alltrue([for minutes in [var.alert_after.behind_minutes, var.alert_after.no_applied_minutes, var.alert_after.no_tick_minutes] : minutes == null || local.schedule_rest_minutes == null ? true : minutes >= local.schedule_rest_minutes + 10])
    error_message = "The minutes in alert_after must exceed the longest pause of schedule, ${coalesce(local.schedule_rest_minutes, 1440)} minutes, by 10 or more; otherwise every pause fires an alert. Raise them or leave them out."
  }

  validation {
    condition     = local.schedule_rest_minutes != null ? true : var.alert_after.no_applied_minutes == null && var.alert_after.no_tick_minutes == null
    error_message = "Leave out alert_after.no_applied_minutes and alert_after.no_tick_minutes: schedule pauses for whole days, longer than Cloud Monitoring looks back."
  }
}

variable "alert_channels" {
  description = "Existing notification channels that receive every alert, in the form projects/…/notificationChannels/…."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for channel in var.alert_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "Each of alert_channels must have the form projects/PROJECT/notificationChannels/NUMBER. To list them: gcloud beta monitoring channels list."
  }
}

variable "alert_emails" {
  description = "E-mail addresses that receive every alert. Terraform creates a notification channel for each."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "Each of alert_emails must be an e-mail address."
  }
}

variable "analyst_groups" {
  description = "E-mail addresses of Google groups that may read the reporting views. They cannot read the target tables."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for group in var.analyst_groups : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", group))])
    error_message = "Each of analyst_groups must be the e-mail address of a group."
  }
}

variable "budget" {
  description = "A monthly budget for the project, in the currency of its billing account; null creates none. To apply it, you need roles/billing.costsManager on the billing account."
  type = object({
    billing_account = string
    amount          = number
    currency        = string
  })
  default = null

  validation {
    condition     = var.budget == null ? true : can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "budget.billing_account must have the form 012345-6789AB-CDEF01. To list them: gcloud billing accounts list."
  }

  validation {
    condition     = var.budget == null ? true : var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount
    error_message = "budget.amount must be a whole number of 1 or more."
  }

  validation {
    condition     = var.budget == null ? true : can(regex("^[A-Z]{3}$", var.budget.currency))
    error_message = "budget.currency must be a code of three capitals, such as EUR: the currency of the billing account."
  }
}

variable "control_database" {
  description = "How the functions reach the control database; its URL is in a secret. Either a host, with a TLS mode and if necessary the PEM certificate of its authority, or a Cloud SQL instance (project:region:instance) with an IP type. Leave cloud_sql_instance out if control_instance creates one."
  type = object({
    cloud_sql_instance = optional(string)
    cloud_sql_ip_type  = optional(string, "PUBLIC")
    tls                = optional(string, "verify-full")
    tls_ca             = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = !(var.control_instance != null && var.control_database.cloud_sql_instance != null)
    error_message = "Set either control_database.cloud_sql_instance, for an instance that exists, or control_instance, which creates one."
  }

  # The following rules apply to both databases.
  validation {
    condition     = alltrue([for database in [var.control_database, var.source_database] : database.cloud_sql_instance == null ? true : can(regex("^[a-z][a-z0-9.:-]*:[a-z0-9-]+:[a-z][a-z0-9-]*$", database.cloud_sql_instance))])
    error_message = "cloud_sql_instance of control_database and source_database must have the form project:region:instance."
  }

  validation {
    condition     = alltrue([for database in [var.control_database, var.source_database] : contains(["PUBLIC", "PRIVATE", "PSC"], database.cloud_sql_ip_type)])
    error_message = "cloud_sql_ip_type of control_database and source_database must be PUBLIC, PRIVATE or PSC."
  }

  validation {
    condition     = alltrue([for database in [var.control_database, var.source_database] : contains(["disable", "require", "verify-ca", "verify-full"], database.tls)])
    error_message = "tls of control_database and source_database must be disable, require, verify-ca or verify-full."
  }

  validation {
    condition     = alltrue([for database in [var.control_database, var.source_database] : database.tls_ca == null ? true : can(regex("^-----BEGIN CERTIFICATE-----\\s[A-Za-z0-9+/=\\s]+\\s-----END CERTIFICATE-----", trimspace(database.tls_ca)))])
    error_message = "tls_ca of control_database and source_database must be a PEM certificate: copy the lines of its file between <<-PEM and PEM, as terraform.tfvars.example shows."
  }

  validation {
    condition     = alltrue([for database in [var.control_database, var.source_database] : !(database.tls == "disable" && database.tls_ca != null)])
    error_message = "tls_ca of control_database or source_database has no effect while tls is disable: leave one of them out."
  }
}

variable "control_instance" {
  description = "Creates a Cloud SQL instance for the control database; null creates none. With private_network (the self link of a network with private services access) the instance has a private address only."
  type = object({
    tier                  = optional(string, "db-g1-small")
    availability_type     = optional(string, "ZONAL")
    database_version      = optional(string, "POSTGRES_17")
    backup_days           = optional(number, 14)
    transaction_log_days  = optional(number, 7)
    private_network       = optional(string)
    maintenance_day       = optional(number, 7)
    maintenance_hour      = optional(number, 3)
    is_deletion_protected = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.control_instance == null ? true : contains(["ZONAL", "REGIONAL"], var.control_instance.availability_type)
    error_message = "control_instance.availability_type must be ZONAL or REGIONAL."
  }

  validation {
    condition     = var.control_instance == null ? true : can(regex("^POSTGRES_1[4-8]$", var.control_instance.database_version))
    error_message = "control_instance.database_version must be POSTGRES_14 to POSTGRES_18."
  }

  validation {
    condition     = var.control_instance == null ? true : alltrue([for number in [var.control_instance.backup_days, var.control_instance.transaction_log_days, var.control_instance.maintenance_day, var.control_instance.maintenance_hour] : floor(number) == number])
    error_message = "The days and the hour in control_instance must be whole numbers."
  }

  validation {
    condition     = var.control_instance == null ? true : var.control_instance.backup_days >= 1 && var.control_instance.backup_days <= 365 && var.control_instance.transaction_log_days >= 1 && var.control_instance.transaction_log_days <= 7
    error_message = "control_instance.backup_days must be between 1 and 365, transaction_log_days between 1 and 7."
  }

  validation {
    condition     = var.control_instance == null ? true : var.control_instance.backup_days >= var.control_instance.transaction_log_days
    error_message = "control_instance.backup_days must not be less than transaction_log_days: a transaction log needs the backup before it. Raise the first or lower the second."
  }

  validation {
    condition     = var.control_instance == null ? true : var.control_instance.maintenance_day >= 1 && var.control_instance.maintenance_day <= 7 && var.control_instance.maintenance_hour >= 0 && var.control_instance.maintenance_hour <= 23
    error_message = "control_instance.maintenance_day must be between 1 (Monday) and 7, maintenance_hour between 0 and 23 (UTC)."
  }

  validation {
    condition     = try(var.control_instance.private_network, null) == null ? true : can(regex("projects/[^/]+/global/networks/[^/]+$", var.control_instance.private_network))
    error_message = "control_instance.private_network must end with projects/PROJECT/global/networks/NETWORK."
  }
}

variable "datasets" {
  description = "Names of the BigQuery datasets. If environment is set, it is appended with an underscore."
  type = object({
    temp   = optional(string, "SMartData_Temp")
    target = optional(string, "SMartDataAnalytics")
    view   = optional(string, "View_SMartData")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in values(var.datasets) : can(regex("^[A-Za-z0-9_]{1,1000}$", name))])
    error_message = "The names in datasets must have 1 to 1000 letters, digits and underscores."
  }

  validation {
    condition     = length(distinct(values(var.datasets))) == 3
    error_message = "The names in datasets must differ."
  }
}

variable "environment" {
  description = "Name of this installation. Terraform appends it to every name, so that one project can hold several installations. Leave it empty if there is only one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]{0,10}[a-z0-9])?$", var.environment))
    error_message = "environment must be empty, or have 2 to 12 lower-case letters, digits and dashes, start with a letter and not end with a dash. Longer names do not fit into the names of service accounts."
  }
}

variable "ingress" {
  description = "Networks from which the functions accept requests. ALLOW_ALL: from anywhere; callers still need roles/run.invoker. ALLOW_INTERNAL_ONLY: events and callers in the networks of the project."
  type        = string
  default     = "ALLOW_ALL"
  nullable    = false

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY"], var.ingress)
    error_message = "ingress must be ALLOW_ALL or ALLOW_INTERNAL_ONLY."
  }
}

variable "invokers" {
  description = "People and groups that may call the functions, in addition to the owners of the project, such as user:ann@example.com or group:operators@example.com."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.invokers : can(regex("^(user|group|serviceAccount):[^@\\s]+@[^@\\s]+$", member))])
    error_message = "Each of invokers must have the form user:…, group:… or serviceAccount:…; other members are not supported."
  }
}

variable "labels" {
  description = "Labels for all resources that support them, in addition to application, environment and managed-by."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Keys and values of labels may have at most 63 lower-case letters, digits, underscores and dashes. A key must start with a letter."
  }

  validation {
    condition     = length(setintersection(keys(var.labels), ["application", "environment", "managed-by"])) == 0
    error_message = "Terraform already sets the labels application, environment and managed-by: use other keys."
  }
}

variable "location" {
  description = "Location of the datasets and the staging bucket: EU, US or a region, such as asia-southeast1. BigQuery loads only from a bucket in the location of the dataset, and a dataset cannot be moved."
  type        = string

  validation {
    condition     = can(regex("^(EU|US|[a-z]+-[a-z]+[0-9]+)$", var.location))
    error_message = "location must be EU, US or a region, such as asia-southeast1."
  }
}

variable "max_instances" {
  description = "Maximum number of instances per function. Each instance of extract opens up to settings.source_connections (10) connections to the source, and each instance of the five functions up to 2 to the control database."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 100 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances must be a whole number between 1 and 100."
  }
}

variable "project" {
  description = "Id of the Google Cloud project for all resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6 to 30 lower-case letters, digits and dashes, starting with a letter."
  }
}

variable "reconcile_schedule" {
  description = "Cron schedule of the checks that compare every view with its target; null: no check by itself. Each check reads every target once, at the cost of the project (docs/costs.md). Its time zone is schedule_time_zone, and schedule_paused pauses it, too. The validation rules are in schedule."
  type        = string
  default     = "30 1 * * *"
}

variable "region" {
  description = "Region of the functions, the schedule and all other regional resources. It must lie in location, so that rows stay there."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region, such as europe-west1."
  }

  validation {
    condition     = var.location == "EU" ? startswith(var.region, "europe-") : var.location == "US" ? startswith(var.region, "us-") : var.region == var.location
    error_message = "region must lie in location: europe-… for EU, us-… for US, otherwise the same region."
  }
}

variable "schedule" {
  description = "Cron schedule of the ticks: minute, hour, day of the month, month, day of the week."
  type        = string
  default     = "*/5 * * * *"
  nullable    = false

  # The rules apply to both schedules.
  validation {
    condition = alltrue([
      for cron in compact([var.schedule, var.reconcile_schedule]) : length(split(" ", cron)) != 5 ? false : alltrue([
        for field, value in zipmap(["minute", "hour", "day", "month", "weekday"], split(" ", cron)) : alltrue([
          for part in split(",", value) : can(regex(format("^(\\*|%[1]s-%[1]s)(/%[2]s)?$|^%[1]s$", local.cron_values[field], local.cron_steps[field]), part))
        ])
      ])
    ])
    error_message = "schedule and reconcile_schedule must be five cron fields with a space between them, such as \"*/5 * * * *\" or \"0 6-20 * * mon-fri\". A step must follow * or a range and must not exceed the highest value of its field."
  }

  validation {
    condition = alltrue([
      for ends in regexall("(\\w+)-(\\w+)", lower(join(" ", compact([var.schedule, var.reconcile_schedule])))) :
      try(tonumber(lookup(local.cron_numbers, ends[0], ends[0])) <= tonumber(lookup(local.cron_numbers, ends[1], ends[1])), true)
    ])
    error_message = "A range in schedule or reconcile_schedule must not run backwards: write \"22-23,0-5\" for the hours of a night, or \"sat,sun\" for a weekend."
  }
}

variable "schedule_paused" {
  description = "Whether the schedules are paused: no ticks and no checks by themselves."
  type        = bool
  default     = false
  nullable    = false
}

variable "schedule_time_zone" {
  description = "Time zone of both schedules, such as Asia/Bangkok."
  type        = string
  default     = "Etc/UTC"
  nullable    = false

  validation {
    condition     = can(regex("^(UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]*)+)$", var.schedule_time_zone))
    error_message = "schedule_time_zone must be a name of the tz database, such as Asia/Bangkok or Etc/UTC."
  }
}

variable "settings" {
  description = "Settings of the functions that differ from the defaults. docs/configuration.md describes each under its name in capitals."
  type = object({
    call_timeout_seconds      = optional(number)
    change_log_table          = optional(string)
    check_settle_seconds      = optional(number)
    check_wait_seconds        = optional(number)
    connect_timeout_seconds   = optional(number)
    content_type_table        = optional(string)
    floor_warning_seconds     = optional(number)
    grace_seconds             = optional(number)
    keep_days                 = optional(number)
    lease_seconds             = optional(number)
    log_level                 = optional(string)
    max_batch_log_rows        = optional(number)
    max_part_bytes            = optional(number)
    max_slices                = optional(number)
    row_values                = optional(bool)
    slice_rows                = optional(number)
    source_connections        = optional(number)
    source_time_zone          = optional(string)
    statement_timeout_seconds = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.settings.log_level == null ? true : contains(["trace", "debug", "info"], var.settings.log_level)
    error_message = "settings.log_level must be info, debug or trace: the alerts need the lines that the functions log at info."
  }

  validation {
    condition     = var.settings.source_time_zone == null ? true : can(regex("^(UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]*)+)$", var.settings.source_time_zone))
    error_message = "settings.source_time_zone must be a name of the tz database, such as Europe/Berlin or UTC."
  }

  validation {
    condition = alltrue([
      for seconds in [
        var.settings.call_timeout_seconds, var.settings.check_settle_seconds, var.settings.check_wait_seconds, var.settings.connect_timeout_seconds,
        var.settings.floor_warning_seconds, var.settings.grace_seconds, var.settings.lease_seconds, var.settings.statement_timeout_seconds,
      ] : seconds == null ? true : seconds >= 1 && seconds <= 86400 && floor(seconds) == seconds
    ])
    error_message = "The seconds in settings must be whole numbers between 1 and 86400."
  }

  validation {
    condition     = coalesce(var.settings.statement_timeout_seconds, 1) <= local.time_limit_seconds
    error_message = "settings.statement_timeout_seconds must not exceed ${local.time_limit_seconds}, the time limit of the functions: nothing reads the result of a statement that outlives its function."
  }

  validation {
    condition = alltrue([
      for given in [
        { value = var.settings.keep_days, low = 8, high = 36500 },
        { value = var.settings.max_batch_log_rows, low = 1, high = 2000000 },
        { value = var.settings.max_part_bytes, low = 1024, high = 4000000000 },
        { value = var.settings.max_slices, low = 1, high = 16 },
        { value = var.settings.slice_rows, low = 1, high = 1000000000 },
        { value = var.settings.source_connections, low = 2, high = 100 },
      ] : given.value == null ? true : given.value >= given.low && given.value <= given.high && floor(given.value) == given.value
    ])
    error_message = "In settings, keep_days must be between 8 and 36500, max_batch_log_rows must be between 1 and 2000000, max_part_bytes between 1024 and 4000000000, max_slices between 1 and 16, slice_rows between 1 and 1000000000, source_connections between 2 and 100."
  }

  validation {
    condition     = coalesce(var.settings.source_connections, 10) > coalesce(var.settings.max_slices, 4)
    error_message = "settings.source_connections must be greater than settings.max_slices: each slice uses one of these connections."
  }
}

# The validation rules of this variable are in control_database.
variable "source_database" {
  description = "How the functions reach the source; its URL is in a secret. Either a host, with a TLS mode and if necessary the PEM certificate of its authority, or a Cloud SQL instance (project:region:instance) with an IP type."
  type = object({
    cloud_sql_instance = optional(string)
    cloud_sql_ip_type  = optional(string, "PUBLIC")
    tls                = optional(string, "verify-full")
    tls_ca             = optional(string)
  })
  default  = {}
  nullable = false
}

variable "staging_days" {
  description = "Number of days that the bucket keeps objects with values of rows: staged objects and reports. Erased values remain in them for so long (docs/operations.md). It must be more than 2: BigQuery remembers the sequence numbers of deleted rows for two days, and a batch may wait for 24 hours before it is applied."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.staging_days >= 3 && var.staging_days <= 365 && floor(var.staging_days) == var.staging_days
    error_message = "staging_days must be a whole number between 3 and 365."
  }
}

variable "topics" {
  description = "Names of the Pub/Sub topics. If environment is set, it is appended with a dash."
  type = object({
    dead_letter = optional(string, "cdc-dead-letter")
    extract     = optional(string, "cdc-extract")
    merge       = optional(string, "cdc-merge")
    reconcile   = optional(string, "cdc-reconcile")
    stream      = optional(string, "cdc-stream")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in values(var.topics) : can(regex("^[A-Za-z][A-Za-z0-9_.~+%-]{2,239}$", name)) && !startswith(name, "goog")])
    error_message = "The names in topics must have 3 to 240 letters, digits and -_.~+%, start with a letter, and not start with goog."
  }

  validation {
    condition     = length(distinct(values(var.topics))) == 5
    error_message = "The names in topics must differ."
  }
}

variable "vpc" {
  description = "Access to databases with a private address: an existing Serverless VPC Access connector (projects/…/connectors/…), or a network and a free /28 range in which Terraform creates one. null reaches public addresses only. egress = ALL_TRAFFIC also routes public addresses through the network: with Cloud NAT, the databases then see one static address."
  type = object({
    connector     = optional(string)
    egress        = optional(string, "PRIVATE_RANGES_ONLY")
    network       = optional(string)
    ip_cidr_range = optional(string)
  })
  default = null

  validation {
    condition = var.vpc == null ? true : (
      var.vpc.connector == null ? var.vpc.network != null && var.vpc.ip_cidr_range != null : var.vpc.network == null && var.vpc.ip_cidr_range == null
    )
    error_message = "vpc takes either connector, or network and ip_cidr_range."
  }

  validation {
    condition     = try(var.vpc.connector, null) == null ? true : can(regex("^projects/[^/]+/locations/${var.region}/connectors/[^/]+$", var.vpc.connector))
    error_message = "vpc.connector must have the form projects/PROJECT/locations/REGION/connectors/NAME, in the region of the functions."
  }

  validation {
    condition     = try(var.vpc.ip_cidr_range, null) == null ? true : endswith(var.vpc.ip_cidr_range, "/28") && try(cidrsubnet(var.vpc.ip_cidr_range, 0, 0), "") == var.vpc.ip_cidr_range
    error_message = "vpc.ip_cidr_range must be a /28 range that starts at its first address, such as 10.8.0.0/28."
  }

  validation {
    condition     = var.vpc == null ? true : contains(["PRIVATE_RANGES_ONLY", "ALL_TRAFFIC"], var.vpc.egress)
    error_message = "vpc.egress must be PRIVATE_RANGES_ONLY or ALL_TRAFFIC."
  }

  validation {
    condition     = try(basename(var.vpc.network) == basename(var.control_instance.private_network), true)
    error_message = "vpc.network and control_instance.private_network must be the same network: the functions reach private addresses in vpc.network only."
  }

  validation {
    condition     = var.vpc != null || alltrue([for database in [var.source_database, var.control_database] : database.cloud_sql_instance == null || database.cloud_sql_ip_type == "PUBLIC"]) && try(var.control_instance.private_network, null) == null
    error_message = "A database with a private address needs vpc."
  }
}
