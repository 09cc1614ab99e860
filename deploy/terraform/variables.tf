# What is built: one project (codebuild_project and cooldown), or the projects of a holdoff.toml.

variable "codebuild_project" {
  description = "One CodeBuild project, built at most once per cooldown. Empty for the projects of a holdoff.toml."
  type        = string
  default     = ""
}

variable "cooldown" {
  description = "The least time between two starts of codebuild_project, in seconds or as 10m or 1h30m."
  type        = string
  default     = "10m"

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?$|^([0-9]+(\\.[0-9]+)?(ms|[wdhms]))+$", var.cooldown))
    error_message = "Write a duration such as 90 (seconds), 10m or 1h30m."
  }
}

variable "codebuild_projects" {
  description = "With a holdoff.toml, the names of its CodeBuild projects. The function gets rights on these."
  type        = list(string)
  default     = []
}

variable "batch_builds" {
  description = "With a holdoff.toml, whether it starts batches of these projects (batch = true). The function gets the rights for that."
  type        = bool
  default     = false
}

variable "code_pipelines" {
  description = "With a holdoff.toml, the names of its pipelines of CodePipeline. The function gets rights on these."
  type        = list(string)
  default     = []
}

variable "start_roles" {
  description = "With a holdoff.toml, the ARNs of the roles that start its builds (role = \"arn:...\")."
  type        = list(string)
  default     = []
}

variable "config_parameter" {
  description = "The SSM parameter that holds the holdoff.toml. Empty if the package has one (make lambda CONFIG=...)."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^$|^(/[A-Za-z0-9_.-]+)+$", var.config_parameter))
    error_message = "Write an SSM parameter's name that begins with a slash, such as /holdoff/config."
  }
}

# What triggers builds, besides direct invokes.

variable "event_pattern" {
  description = "EventBridge events of the default bus that are triggers, as a JSON pattern. Empty for none."
  type        = string
  default     = ""
}

variable "topic" {
  description = "Whether to make an SNS topic whose messages are triggers."
  type        = bool
  default     = false
}

variable "queue" {
  description = "Whether to make an SQS queue whose messages are triggers."
  type        = bool
  default     = false
}

# Signed webhooks. A secret's parameter makes the function URL.

variable "github_secret" {
  description = "The SSM parameter (SecureString) that holds the secret of GitHub's webhooks, such as /holdoff/github."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^$|^(/[A-Za-z0-9_.-]+)+$", var.github_secret))
    error_message = "Write an SSM parameter's name that begins with a slash, such as /holdoff/github."
  }
}

variable "gitlab_secret" {
  description = "The SSM parameter (SecureString) that holds the secret token of GitLab's webhooks."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^$|^(/[A-Za-z0-9_.-]+)+$", var.gitlab_secret))
    error_message = "Write an SSM parameter's name that begins with a slash, such as /holdoff/gitlab."
  }
}

variable "standard_secret" {
  description = "The SSM parameter (SecureString) that holds the secret (whsec_...) of Standard Webhooks."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^$|^(/[A-Za-z0-9_.-]+)+$", var.standard_secret))
    error_message = "Write an SSM parameter's name that begins with a slash, such as /holdoff/standard."
  }
}

variable "shared_secret" {
  description = "The SSM parameter (SecureString) that holds a plain secret (X-Holdoff-Secret, or a bearer token)."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^$|^(/[A-Za-z0-9_.-]+)+$", var.shared_secret))
    error_message = "Write an SSM parameter's name that begins with a slash, such as /holdoff/shared."
  }
}

variable "secret_arns" {
  description = "ARNs of the other secrets in [webhooks] of the holdoff.toml (SSM parameters, Secrets Manager secrets)."
  type        = list(string)
  default     = []
}

variable "secrets_key_arn" {
  description = "Your own KMS key that encrypts these parameters and secrets. Empty for AWS's own keys."
  type        = string
  default     = ""
}

# Alarms and the log.

variable "alarm_email" {
  description = "The address that gets alarms, once it has confirmed the subscription. Empty for alarms in CloudWatch only."
  type        = string
  default     = ""
}

variable "overdue_alarm_seconds" {
  description = "How long a build may be overdue before the alarm. The sweep looks every 300 seconds."
  type        = number
  default     = 900

  validation {
    condition     = var.overdue_alarm_seconds >= 300
    error_message = "Write 300 or more: the sweep looks every 300 seconds."
  }
}

variable "staleness_alarm_seconds" {
  description = "How long a change may wait for its build before the alarm, for any reason (cooldown, hold, refused starts). Set it well above the longest cooldown. 0 for no such alarm."
  type        = number
  default     = 86400
}

variable "log_retention_days" {
  description = "How many days the log keeps the decisions."
  type        = number
  default     = 30
}

# The table and the function.

variable "name" {
  description = "The name of the function, the table and the group of schedules. All other names begin with it."
  type        = string
  default     = "holdoff"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,40}$", var.name))
    error_message = "Write at most 40 letters, digits and hyphens: other names are made of it."
  }
}

variable "package" {
  description = "The zip that `make lambda` writes. Empty for dist/holdoff-lambda.zip of this checkout."
  type        = string
  default     = ""
}

variable "existing_table" {
  description = "An existing table with the keys cb_project (S) and region (S), such as the old snippet's. Empty for a new table."
  type        = string
  default     = ""
}

variable "architecture" {
  description = "The function's processor. The function is pure Python and runs on both. A second of arm64 costs a fifth less."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Write arm64 or x86_64."
  }
}

variable "client" {
  description = "The client that calls AWS. lean is Holdoff's own, which starts in less than half of the time."
  type        = string
  default     = "botocore"

  validation {
    condition     = contains(["botocore", "lean"], var.client)
    error_message = "Write botocore or lean."
  }
}

variable "dynamodb_endpoint" {
  description = "DynamoDB's URL, if it is not AWS's usual one (FIPS, a VPC endpoint, a local engine)."
  type        = string
  default     = ""
}

variable "codebuild_endpoint" {
  description = "CodeBuild's URL, if it is not AWS's usual one."
  type        = string
  default     = ""
}
