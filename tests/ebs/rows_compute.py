"""Sections 1.7 to 1.12, 2 and 3 of the EBS reference: instances, images, errors, the envelope, CloudTrail.

Sections 1.8 and 4 are in tests/ebs_features/rows.py, but for the defaults.
"""

from __future__ import annotations

from tests.ebs.row import rows

ATTACHING = rows(
    "1.7",
    ("grant", "V", "step 1: CreateGrant as the caller, to the instance's session, Decrypt, Subset"),
    ("decrypt", "V", "step 2: Decrypt as that session, in scope of the instance, without keyId"),
    ("retire", "V", "step 3: RetireGrant by the service at detach, stop and terminate"),
    ("launch-calls", "O", "RunInstances makes CreateVolume's calls for its volumes"),
    ("launch-decrypt", "V", "kms:Decrypt denied to the launcher has no effect"),
    ("launch-denied", "V", "CreateGrant or GenerateDataKeyWithoutPlaintext denied: pending, then terminated"),
    ("state-reason", "V", "Client.InvalidKMSKey.InvalidState, and its misleading message"),
    ("old-wording", "V", "older wording: Client.InternalError", "the newer wording is simulated"),
    ("dry-run", "V", "DryRun does not look at KMS"),
    ("key-gone", "D", "what becomes of the key does not stop an attached volume; the next attach fails"),
    ("not-there", "D", "InvalidVolume.NotFound, InvalidInstanceID.NotFound"),
    ("in-use", "D", "VolumeInUse"),
    ("state", "D", "IncorrectState"),
    ("zone", "D", "InvalidVolume.ZoneMismatch"),
    ("limit", "D", "AttachmentLimitExceeded", "the limits of instance types are not simulated"),
    ("grants-left", "V", "an attached volume leaves one grant on its key, to its instance's session"),
)

DEFAULTS = rows(
    "1.8",
    ("default-literal", "V", "GetEbsDefaultKmsKeyId returns alias/aws/ebs until a key was set"),
    ("default-arn", "D", "ModifyEbsDefaultKmsKeyId returns an ARN"),
    ("default-asymmetric", "D", "asymmetric keys are refused"),
    ("default-bad", "D", "a bad default key is accepted, and shows when it is used"),
    ("by-default", "D", "encryption by default: of an account and Region; existing resources stay"),
)

IMAGES = rows(
    "1.9",
    ("snapshots-not-shared", "D", "sharing an image does not require sharing its snapshots; the key must be shared"),
    ("organizations", "D", "launch permission to organizations and their units"),
    ("managed-key", "V", "an image under aws/ebs is not shared"),
    ("public", "D", "an encrypted image is not public"),
    ("copy-storage", "V", "CopyImage across accounts needs createVolumePermission on the snapshots"),
    ("copy-key", "D", "CopyImage: keys as for CopySnapshot"),
    ("register-encrypted", "D", "RegisterImage may not set Encrypted for a snapshot"),
    ("register-own", "D", "its snapshot must be owned"),
    ("launch-needs", "D", "what a launch needs of the owner's key is what CreateVolume needs"),
    ("auto-scaling", "V", "a launching role must be named by the key policy or a grant, else instances die"),
)

ERRORS = rows(
    "1.10",
    ("snapshot-not-found", "V", "InvalidSnapshot.NotFound 400"),
    ("snapshot-malformed", "V", "InvalidSnapshotID.Malformed 400"),
    ("reset-malformed", "O", "Reset: The snapshot ID 'x' is malformed"),
    ("no-prefix", "O", "an id without prefix"),
    ("volume-not-found", "V", "InvalidVolume.NotFound 400"),
    ("incorrect-state", "V", "IncorrectState 400"),
    ("combination", "V", "InvalidParameterCombination and InvalidParameterDependency 400"),
    ("not-permitted", "V", "OperationNotPermitted 400"),
    ("auth-failure", "V", "AuthFailure 403"),
    ("unauthorized", "V", "UnauthorizedOperation 403"),
    ("dry-run", "V", "DryRunOperation 412"),
    (
        "quotas",
        "D",
        "ResourceLimitExceeded 400 (limits on all snapshots and volumes are not simulated)",
    ),
    ("token", "V", "IdempotentParameterMismatch 400"),
    ("others", "V", "InvalidRegion, InvalidZone.NotFound, MissingParameter 400"),
    ("prefix", "V", "in CloudTrail every code carries the prefix Client. or Server."),
    ("wire", "V", "Response, Errors, Error, Code, Message, RequestID"),
    ("rds", "D", "KMSKeyNotAccessibleFault is RDS's only", "a code that EBS does not have"),
    ("invented", "D", "there is no InvalidKmsKeyId.*", "a code that EBS does not have"),
)

UNAUTHORIZED = rows(
    "1.11",
    ("text", "V", "the text of UnauthorizedOperation"),
    ("endings", "V", "its endings: no identity-based or session policy allows, with an explicit deny in ..."),
    ("decode", "V", "only the account that got the message can decode it"),
    ("decode-letters", "D", "letters that are no message: the same code"),
    ("decoded", "D", "what is decoded"),
    ("cut", "V", "CloudTrail cuts the message"),
)

KMS_TEXTS = rows(
    "1.12",
    ("own-key", "V", "a key of the caller's account is named by its ARN"),
    ("other-account", "V", "CreateGrant on a key of another account: on this resource"),
    ("ciphertext", "V", "ReEncrypt in another account: on the resource associated with this ciphertext"),
    ("ciphertext-silent", "D", "the same without a matching allow: because the resource does not exist in this Region"),
    ("disabled", "V", "<key arn> is disabled."),
    ("pending", "D", "<key arn> is pending deletion."),
)

ENVELOPE = rows(
    "2",
    ("empty", "V", "an empty encrypted volume: a new data key, 64 bytes, under K and the volume's id"),
    ("plain", "V", "a volume from an unencrypted snapshot: a new data key"),
    ("create-snapshot", "O", "CreateSnapshot: the same ciphertext and context, blocks shared"),
    ("own-same", "V", "own snapshot, same key: the same data key, re-wrapped; blocks shared"),
    ("own-other", "V", "another key, or any shared snapshot: a new data key"),
    ("copy-fresh", "V", "a first copy: a new data key, context the new snapshot"),
    ("copy-incremental", "V", "an incremental copy: the earlier copy's data key"),
    ("copy-same-key", "O", "a copy in the account, Region and key of its source: the same data key"),
    ("start-root", "V", "StartSnapshot of a root: a new data key, by GenerateDataKey"),
    ("start-child", "V", "with an encrypted parent: the parent's, re-encrypted"),
    ("attach", "D", "the plaintext is held until the detach"),
    ("incremental-when", "D", "incremental where the most recent copy of the lineage still exists and is not archived"),
    ("rotation", "V", "rotation changes nothing stored; ReEncrypt and new data keys use the new material"),
)

TRAIL = rows(
    "3.1",
    ("names", "V", "EC2's internal names, numbers as strings, no resources array"),
    ("create-snapshot", "V", "CreateSnapshot"),
    ("modify", "V", "ModifySnapshotAttribute: attributeType, createVolumePermission"),
    ("copy", "V", "CopySnapshot: masterEncryptionKeyId, snapshotId"),
    ("create-volume", "V", "CreateVolume"),
    ("delete-volume", "V", "DeleteVolume"),
    ("errors", "V", "errorCode Client.UnauthorizedOperation, responseElements null, requestParameters kept; DryRun"),
)

OWNERS_TRAIL = rows(
    "3.2",
    ("call", "V", "the owner gets a copy of the call, the identity reduced, also of denied and dry ones"),
    ("hidden", "V", "its tags are hidden"),
    ("service-events", "V", "SharedSnapshotCopyInitiated, SharedSnapshotVolumeCreated"),
)

KMS_TRAIL = rows(
    "3.3",
    ("record", "V", "GenerateDataKeyWithoutPlaintext: names, 64 bytes, keyMaterialId, resources, request id"),
    ("create-grant", "V", "CreateGrant: readOnly false, response grantId and keyId"),
    ("re-encrypt", "V", "ReEncrypt: both contexts, both materials, two resources; readOnly"),
    ("describe-key", "V", "DescribeKey: keyId as given"),
    ("decrypt", "V", "Decrypt by the service: AWSService, its context, the owner's trail"),
    ("retire-grant", "V", "RetireGrant: no requestParameters, response keyId, additional grantId"),
    ("denied", "V", "denied: AccessDenied, no requestParameters, no resources"),
    ("disabled", "V", "disabled: DisabledException, requestParameters and resources present"),
    ("direct", "V", "EBS direct APIs: invokedBy ebs.amazonaws.com"),
    ("shared", "V", "use across accounts is in both trails under one sharedEventID"),
    ("older", "D", "older documents show other names", "the names of 2026 are simulated"),
)

LOOKUP = rows(
    "3.4",
    ("order", "D", "newest first, of one Region"),
    ("days", "D", "of 90 days"),
    ("attribute", "D", "one attribute"),
    ("pages", "D", "up to 50 a page"),
    ("item", "D", "the members of an item"),
    ("no-data", "D", "data events are not returned"),
    ("errors", "D", "the four errors"),
)

COMPUTE = (
    *ATTACHING,
    *DEFAULTS,
    *IMAGES,
    *ERRORS,
    *UNAUTHORIZED,
    *KMS_TEXTS,
    *ENVELOPE,
    *TRAIL,
    *OWNERS_TRAIL,
    *KMS_TRAIL,
    *LOOKUP,
)
