provider "google" {
  project        = var.project
  region         = var.region
  default_labels = local.labels

  # Some services, the Budgets API among them, answer a person's own credentials only when they are told whose quota they use.
  billing_project       = var.project
  user_project_override = true
}
