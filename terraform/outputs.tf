output "admin" {
  description = "How to open the page of the operators: the command that makes it local and its address there, or its domain and the address to which the domain must point."
  value = var.admin_iap == null ? { command = local.admin_proxy, url = "http://127.0.0.1:8080", ip_address = null } : {
    command = null, url = "https://${var.admin_iap.domain}", ip_address = one(google_compute_global_address.admin[*].address)
  }
}

output "staging_bucket" {
  description = "The bucket of the staged objects."
  value       = google_storage_bucket.staging.name
}

output "service_accounts" {
  description = "The service account of each function."
  value       = { for function, account in google_service_account.function : function => account.email }
}

output "next_steps" {
  description = "The commands to run next, in this order and in this folder. Print them with: terraform output -raw next_steps."
  value       = join("\n", concat(local.control_role_steps, local.secret_steps, local.first_call_steps, [""]))
}

locals {
  call_reconcile = "gcloud functions call reconcile${local.suffix} --region ${var.region} --project ${var.project}"
  call_extract   = "gcloud functions call extract${local.suffix} --region ${var.region} --project ${var.project}"
  admin_proxy    = "gcloud run services proxy admin${local.suffix} --region ${var.region} --project ${var.project} --port 8080"
  add_version = {
    for database, secret in local.secrets :
    database => "printf 'URL of the ${database} database: ' && read -rs URL && printf %s \"$URL\" | gcloud secrets versions add ${secret} --project ${var.project} --data-file=-"
  }

  control_role_steps = var.control_instance == null ? [] : [
    "# The role of the control database. The second command asks for a password; use it in the URL below:",
    "# postgresql://datahub:PASSWORD@localhost/datahub",
    "gcloud sql users create datahub --instance ${local.control_instance_name} --project ${var.project}",
    "gcloud sql users set-password datahub --instance ${local.control_instance_name} --project ${var.project} --prompt-for-password",
    "",
  ]

  # `read` keeps the URL out of the shell history.
  secret_steps = [
    "# The URLs of both databases: postgresql://ROLE:PASSWORD@HOST/DATABASE. Percent-encode all characters of the password except letters",
    "# and digits. For a Cloud SQL instance, HOST can be anything. Run one command at a time: each reads one line from the keyboard.",
    local.add_version.source,
    local.add_version.control,
    "",
  ]

  first_call_steps = [
    "# The view sources, the preflight and the first tick. Then set schedule_paused = false and apply: the schedule sends the ticks.",
    "${local.call_extract} --data \"$(cat ../sql/source/view-sources.json)\"",
    "${local.call_extract} --data '{\"check\": true}'",
    "${local.call_extract} --data '{}'",
    "",
    "# When every view is loaded: compares it with its target, row by row and column by column.",
    "${local.call_reconcile} --data '{}'",
    "",
    var.admin_iap == null ? "# The page of the operators, at http://127.0.0.1:8080 while this command runs, for admin_operators and admin_viewers." : "# The page of the operators: https://${var.admin_iap.domain}",
    var.admin_iap == null ? local.admin_proxy : "",
    "",
    "# The log lines of the last ten minutes.",
    "gcloud logging read 'resource.type=\"cloud_run_revision\" jsonPayload.message:*' --project ${var.project} --freshness 10m --format 'value(timestamp,severity,jsonPayload.message,jsonPayload.view)'",
  ]
}
