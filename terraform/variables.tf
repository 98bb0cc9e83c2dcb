# What every gateway needs.

variable "name" {
  description = "Name of the gateway. What the module makes has it as the start of its name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}$", var.name)) && !endswith(var.name, "-")
    error_message = "A name has 2 to 32 lower case letters, digits and hyphens. It begins with a letter and ends with none of the hyphens."
  }
}

variable "zip" {
  description = "Path of the Lambda's zip. `make lambda` makes `dist/event-gateway-lambda-arm64.zip` and `dist/event-gateway-lambda-x86_64.zip`."
  type        = string

  validation {
    condition     = fileexists(var.zip)
    error_message = "There is no such file. `make lambda` makes dist/event-gateway-lambda-arm64.zip."
  }
}

variable "architecture" {
  description = "Architecture that the zip was made for: `arm64` or `x86_64`."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "There are arm64 and x86_64."
  }
}

variable "tags" {
  description = "Tags of all that can have tags."
  type        = map(string)
  default     = {}
}

# The functions.

variable "events_function" {
  description = "Settings of the function that takes events. -1 is no reserved concurrency. A time-out below 30 s lets the gateway itself answer a sender whose function is too slow."
  type = object({
    memory_mb               = optional(number, 512)
    timeout_seconds         = optional(number, 29)
    reserved_concurrency    = optional(number, -1)
    provisioned_concurrency = optional(number, 0)
  })
  default = {}

  validation {
    condition     = var.events_function.timeout_seconds >= 3 && var.events_function.timeout_seconds <= 900
    error_message = "A time-out has 3 to 900 seconds."
  }

  validation {
    condition     = var.events_function.reserved_concurrency < 0 || var.events_function.provisioned_concurrency <= var.events_function.reserved_concurrency
    error_message = "No more can be provisioned than is reserved."
  }
}

variable "config_function" {
  description = "Settings of the function that serves the Config API."
  type = object({
    memory_mb               = optional(number, 256)
    timeout_seconds         = optional(number, 10)
    reserved_concurrency    = optional(number, -1)
    provisioned_concurrency = optional(number, 0)
  })
  default = {}

  validation {
    condition     = var.config_function.timeout_seconds >= 3 && var.config_function.timeout_seconds <= 900
    error_message = "A time-out has 3 to 900 seconds."
  }

  validation {
    condition     = var.config_function.reserved_concurrency < 0 || var.config_function.provisioned_concurrency <= var.config_function.reserved_concurrency
    error_message = "No more can be provisioned than is reserved."
  }
}

variable "rollback_versions" {
  description = "Versions that `live` is moved back to, such as `{ events = \"7\", config = \"7\" }`; the output `versions` tells their numbers. Without it `live` is what was applied last."
  type = object({
    events = optional(string)
    config = optional(string)
  })
  default = {}

  validation {
    condition     = alltrue([for v in values(var.rollback_versions) : v == null || can(regex("^[1-9][0-9]*$", v))])
    error_message = "A version is a number, such as \"7\"."
  }
}

variable "environment" {
  description = "More options of the gateway, for both functions: names and values of its environment, such as `EVENT_GATEWAY_LOG_LEVEL`. Everybody who may read the functions' settings sees them: secrets belong to `secrets_arn`. Below the log level `info` nothing tells who changed the configuration."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setintersection(keys(var.environment), [
      "EVENT_GATEWAY_ROLE", "EVENT_GATEWAY_STORE", "EVENT_GATEWAY_QUEUE", "EVENT_GATEWAY_CONFIG_IDENTITY", "EVENT_GATEWAY_HOSTED_DOMAIN",
      "EVENT_GATEWAY_SECRET_KEYS", "EVENT_GATEWAY_SECRET_KEYS_KMS", "EVENT_GATEWAY_SECRETS_ARN",
    ])) == 0
    error_message = "ROLE, STORE, QUEUE, CONFIG_IDENTITY, HOSTED_DOMAIN, SECRET_KEYS, SECRET_KEYS_KMS and SECRETS_ARN are set by the module's own variables."
  }

  validation {
    condition     = length(setintersection(keys(var.environment), ["EVENT_GATEWAY_CONFIG_TOKEN", "EVENT_GATEWAY_STORE_PASSWORD"])) == 0
    error_message = "Everybody who may read the functions' settings would see it. EVENT_GATEWAY_CONFIG_TOKEN and EVENT_GATEWAY_STORE_PASSWORD belong to the secret of secrets_arn."
  }

  validation {
    condition     = alltrue([for name in keys(var.environment) : !can(regex("^EVENT_GATEWAY_.*_FILE$", name))])
    error_message = "There are no files for the functions to read. What would be in a file is a value in the secret of secrets_arn, without _FILE at the end of its name."
  }

  validation {
    condition     = !var.hosted || !contains(keys(var.environment), "EVENT_GATEWAY_FUNCTION_CREDENTIALS")
    error_message = "In hosted mode assume_role_arns decides about EVENT_GATEWAY_FUNCTION_CREDENTIALS."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept, of functions and of access."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch knows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 and some more days."
  }
}

variable "recursion_config" {
  description = "Let a chain of events go through the gateway as often as the gateway's own limit of hops allows. Without it Lambda stops a chain after about 16 calls, and counts others' too. false for emulators that have no such setting."
  type        = bool
  default     = true
}

# The store.

variable "create_table" {
  description = "Make a DynamoDB table and keep the configuration in it. It is not made if there is a `store_url`, and false if the URL of the store comes from `secrets_arn`."
  type        = bool
  default     = true

  validation {
    condition     = var.create_table || var.store_url != null || var.secrets_arn != null
    error_message = "A gateway needs a store: a table, a store_url, or a secret with EVENT_GATEWAY_STORE in it."
  }
}

variable "table_encryption" {
  description = "Key that encrypts the table: `aws_owned` (costs nothing), `aws_managed` (alias/aws/dynamodb), or `module_key` (the KMS key of this module)."
  type        = string
  default     = "aws_owned"

  validation {
    condition     = contains(["aws_owned", "aws_managed", "module_key"], var.table_encryption)
    error_message = "There are aws_owned, aws_managed and module_key."
  }

  validation {
    condition     = var.table_encryption != "module_key" || var.kms_key
    error_message = "module_key needs kms_key = true."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the table. Set it to false, and apply, before you destroy."
  type        = bool
  default     = true
}

variable "store_url" {
  description = "URL of a store of your own instead of a table, such as `etcd://10.0.1.10:2379/event-gateway`. No password is in it: see `secrets_arn`."
  type        = string
  default     = null

  validation {
    condition     = var.store_url == null || can(regex("^(etcd|consul|zookeeper)://", var.store_url))
    error_message = "It begins with etcd://, consul:// or zookeeper://."
  }

  validation {
    condition     = var.store_url == null || !can(regex("^[a-z]+://[^/@]*:[^/@]*@", var.store_url))
    error_message = "Everybody who may read the function's settings would see the password. Put EVENT_GATEWAY_STORE_PASSWORD, or the whole URL as EVENT_GATEWAY_STORE, into the secret of secrets_arn."
  }
}

variable "secrets_arn" {
  description = "ARN of a secret in Secrets Manager that holds a JSON object of options and their values, such as `{\"EVENT_GATEWAY_STORE_PASSWORD\":\"...\"}`. Both functions read it when they start. An EVENT_GATEWAY_SECRET_KEYS in it has to be unencrypted, without `-kms`: Secrets Manager encrypts the secret."
  type        = string
  default     = null

  validation {
    condition     = var.secrets_arn == null || can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+$", var.secrets_arn))
    error_message = "It is the ARN of one secret: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-xxxxxx."
  }
}

variable "secrets_kms_key_arn" {
  description = "ARN of the KMS key that encrypts that secret, if it is not the one that Secrets Manager has by default."
  type        = string
  default     = null

  validation {
    condition     = var.secrets_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/([a-f0-9-]+|mrk-[a-f0-9]+)$", var.secrets_kms_key_arn))
    error_message = "It is the ARN of one key: arn:aws:kms:REGION:ACCOUNT:key/ID."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the functions, for a store in a VPC. From there AWS's own services are reached by VPC endpoints or NAT only."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null ? true : length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0
    error_message = "At least one subnet and one security group are needed."
  }
}

# What the events function may call.

variable "lambda_function_arns" {
  description = "Lambda functions that the gateway may call with its own role, for functions of type `awslambda`. An ARN allows what it says: that of a function, of an alias, or of a version. The gateway's own functions cannot be among them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.lambda_function_arns : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[a-zA-Z0-9_-]+(:[a-zA-Z0-9$_-]+)?$", arn))])
    error_message = "Each is the ARN of one function, without wildcards: arn:aws:lambda:REGION:ACCOUNT:function:NAME."
  }

  validation {
    condition     = alltrue([for arn in var.lambda_function_arns : !contains(["${var.name}-events", "${var.name}-config"], try(split(":", arn)[6], ""))])
    error_message = "The gateway's own functions cannot be among them: who calls those past their fronts can claim to be anybody."
  }

  validation {
    condition     = !var.hosted || length(var.lambda_function_arns) == 0
    error_message = "In hosted mode functions are never called with the gateway's own role, so a function here would have no effect: functions have credentials of their own, or name one of assume_role_arns."
  }
}

variable "kinesis_stream_arns" {
  description = "Streams that the gateway may put records into, for functions of type `awskinesis`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.kinesis_stream_arns : can(regex("^arn:[a-z-]+:kinesis:[a-z0-9-]+:[0-9]{12}:stream/[a-zA-Z0-9_.-]+$", arn))])
    error_message = "Each is the ARN of one stream, without wildcards: arn:aws:kinesis:REGION:ACCOUNT:stream/NAME."
  }

  validation {
    condition     = !var.hosted || length(var.kinesis_stream_arns) == 0
    error_message = "In hosted mode functions are never called with the gateway's own role, so a stream here would have no effect: functions have credentials of their own, or name one of assume_role_arns."
  }
}

variable "firehose_delivery_stream_arns" {
  description = "Delivery streams that the gateway may put records into, for functions of type `awsfirehose`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.firehose_delivery_stream_arns : can(regex("^arn:[a-z-]+:firehose:[a-z0-9-]+:[0-9]{12}:deliverystream/[a-zA-Z0-9_.-]+$", arn))])
    error_message = "Each is the ARN of one delivery stream, without wildcards: arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME."
  }

  validation {
    condition     = !var.hosted || length(var.firehose_delivery_stream_arns) == 0
    error_message = "In hosted mode functions are never called with the gateway's own role, so a delivery stream here would have no effect: functions have credentials of their own, or name one of assume_role_arns."
  }
}

variable "sqs_queue_arns" {
  description = "Queues that the gateway may send messages to, for functions of type `awssqs`. The gateway's own queues cannot be among them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.sqs_queue_arns : can(regex("^arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_.-]+$", arn))])
    error_message = "Each is the ARN of one queue, without wildcards: arn:aws:sqs:REGION:ACCOUNT:NAME."
  }

  validation {
    condition     = alltrue([for arn in var.sqs_queue_arns : !contains([var.name, "${var.name}-dead-letters"], try(split(":", arn)[5], ""))])
    error_message = "The gateway's own queues cannot be among them: a message there is taken for one of the gateway's."
  }

  validation {
    condition     = !var.hosted || length(var.sqs_queue_arns) == 0
    error_message = "In hosted mode functions are never called with the gateway's own role, so a queue here would have no effect: functions have credentials of their own, or name one of assume_role_arns."
  }
}

variable "assume_role_arns" {
  description = "Roles that the gateway may assume, for functions with a `roleArn`. In hosted mode they set EVENT_GATEWAY_FUNCTION_CREDENTIALS to `role`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.assume_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]+$", arn))])
    error_message = "Each is the ARN of one role, without wildcards: arn:aws:iam::ACCOUNT:role/NAME."
  }
}

# The queue of async events.

variable "queue" {
  description = "Put async events into an SQS queue before they are answered. Without it they are delivered before they are answered, once."
  type        = bool
  default     = true
}

variable "queue_attempts" {
  description = "How often the gateway delivers an event to a subscriber that fails, before it goes to the dead-letter queue: 1 to 100 times. null is the gateway's own default, 8."
  type        = number
  default     = null

  validation {
    condition     = var.queue_attempts == null ? true : var.queue_attempts >= 1 && var.queue_attempts <= 100
    error_message = "The gateway makes 1 to 100 attempts."
  }
}

variable "queue_maximum_concurrency" {
  description = "How many calls of the events function deliver from the queue at once, 2 to 1000. They share its reserved concurrency with requests."
  type        = number
  default     = 10

  validation {
    condition     = var.queue_maximum_concurrency >= 2 && var.queue_maximum_concurrency <= 1000
    error_message = "SQS takes 2 to 1000."
  }

  validation {
    condition     = var.events_function.reserved_concurrency < 0 || var.queue_maximum_concurrency < var.events_function.reserved_concurrency || !var.queue
    error_message = "With so few calls reserved the queue would leave none for requests: raise events_function.reserved_concurrency."
  }
}

variable "queue_retention_days" {
  description = "How long events wait in the queue at most, 1 to 14 days. Dead letters stay for 14 days."
  type        = number
  default     = 4

  validation {
    condition     = var.queue_retention_days >= 1 && var.queue_retention_days <= 14
    error_message = "SQS keeps messages for 1 to 14 days here."
  }
}

variable "redrive_allow_policy" {
  description = "Let only the gateway's own queue name the dead-letter queue as its own. false for emulators that have no such setting."
  type        = bool
  default     = true
}

# The fronts.

variable "front" {
  description = "What takes requests: `http_api` (API Gateway) or `function_url`."
  type        = string
  default     = "http_api"

  validation {
    condition     = contains(["http_api", "function_url"], var.front)
    error_message = "There are http_api and function_url."
  }
}

variable "events_throttling" {
  description = "Requests a second, and at once, that the HTTP API of events lets through. The rest is 429."
  type = object({
    rate  = optional(number, 1000)
    burst = optional(number, 1000)
  })
  default = {}
}

variable "config_throttling" {
  description = "The same for the Config API."
  type = object({
    rate  = optional(number, 20)
    burst = optional(number, 50)
  })
  default = {}
}

variable "config_auth" {
  description = "Who may use the Config API: `AWS_IAM` (requests signed by who may invoke it), or `JWT` (tokens of an issuer; HTTP API only)."
  type        = string
  default     = "AWS_IAM"

  validation {
    condition     = contains(["AWS_IAM", "JWT"], var.config_auth)
    error_message = "There are AWS_IAM and JWT."
  }

  validation {
    condition     = var.config_auth != "JWT" || var.front == "http_api"
    error_message = "A function URL knows no JWT: use front = \"http_api\" or config_auth = \"AWS_IAM\"."
  }

  validation {
    condition     = (var.config_auth == "JWT") == (var.jwt != null)
    error_message = "config_auth = \"JWT\" and jwt go together."
  }
}

variable "jwt" {
  description = "Whose tokens open the Config API, with config_auth = \"JWT\": who has one can change all of it. A token needs a `sub`, and one of the `scopes`."
  type = object({
    issuer   = string
    audience = list(string)
    scopes   = list(string)
  })
  default = null

  validation {
    condition     = var.jwt == null ? true : startswith(var.jwt.issuer, "https://") && length(var.jwt.audience) > 0
    error_message = "An issuer is a https:// URL, and there is at least one audience."
  }

  # The ID token of an end user has the audience, too, but no scope.
  validation {
    condition     = var.jwt == null ? true : length(var.jwt.scopes) > 0 && alltrue([for scope in var.jwt.scopes : scope != ""])
    error_message = "Without a scope each token of the issuer for that audience would open the Config API, that of an end user included. Name at least one scope that only operators get."
  }
}

variable "domain_name" {
  description = "Domain of your own for events, such as `events.example.com`."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain_name))
    error_message = "It is a domain, in lower case and without a wildcard; hosted = true makes it *.DOMAIN."
  }

  validation {
    condition     = (var.domain_name == null) == (var.certificate_arn == null)
    error_message = "domain_name and certificate_arn go together."
  }

  validation {
    condition     = var.domain_name == null || var.front == "http_api"
    error_message = "A function URL cannot have a domain of your own: use front = \"http_api\"."
  }
}

variable "certificate_arn" {
  description = "ARN of the certificate of that domain, in the same region; with `hosted` it is for `*.DOMAIN`."
  type        = string
  default     = null
}

variable "hosted" {
  description = "Hosted mode: each space has a host of its own below `domain_name`, and functions need credentials of their own."
  type        = bool
  default     = false

  validation {
    condition     = !var.hosted || var.domain_name != null
    error_message = "Hosted mode needs a domain_name, and a certificate for *.DOMAIN."
  }

  validation {
    condition     = !var.hosted || var.secret_keys != null || var.secrets_arn != null
    error_message = "Hosted mode needs secret_keys, or a secret with EVENT_GATEWAY_SECRET_KEYS in it."
  }
}

variable "config_domain_name" {
  description = "Domain of your own for the Config API."
  type        = string
  default     = null

  validation {
    condition     = var.config_domain_name == null || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.config_domain_name))
    error_message = "It is a domain, in lower case and without a wildcard."
  }

  validation {
    condition     = (var.config_domain_name == null) == (var.config_certificate_arn == null)
    error_message = "config_domain_name and config_certificate_arn go together."
  }

  validation {
    condition     = var.config_domain_name == null || var.front == "http_api"
    error_message = "A function URL cannot have a domain of your own: use front = \"http_api\"."
  }

  validation {
    condition     = var.config_domain_name == null || !var.hosted ? true : !can(regex("^[a-z0-9-]+$", trimsuffix(var.config_domain_name, ".${coalesce(var.domain_name, "-")}")))
    error_message = "In hosted mode a name directly below domain_name is the host of a space, which this would hide."
  }
}

variable "config_certificate_arn" {
  description = "ARN of the certificate of the Config API's domain."
  type        = string
  default     = null
}

variable "zone_id" {
  description = "Zone of Route 53 that gets records for the domains. Without it the output `domains` says what they have to point at."
  type        = string
  default     = null
}

# Secrets of functions.

variable "kms_key" {
  description = "Make a KMS key, which encrypts the keys that seal functions' secrets. It costs a dollar a month."
  type        = bool
  default     = true
}

variable "secret_keys" {
  description = "Keys that seal functions' secrets, encrypted by the module's KMS key: the file that `event-gateway keys create -kms URI FILE` makes, where URI is the output `kms_uri`. Without them functions that have secrets are refused."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.secret_keys == null || var.kms_key
    error_message = "The keys are encrypted by the module's KMS key: kms_key has to be true."
  }

  validation {
    condition     = var.secret_keys == null ? true : can(jsondecode(var.secret_keys).encryptedKeyset)
    error_message = "These are no encrypted keys: make them by `event-gateway keys create -kms URI FILE`."
  }
}

# What tells of trouble.

variable "alarms" {
  description = "Make alarms: errors, throttling and duration of both functions, age of the queue, dead letters."
  type        = bool
  default     = true
}

variable "alarm_actions" {
  description = "ARNs of what an alarm calls when it goes off, and when it is over, such as an SNS topic."
  type        = list(string)
  default     = []
}

variable "dashboard" {
  description = "Make a CloudWatch dashboard. It costs three dollars a month."
  type        = bool
  default     = true
}
